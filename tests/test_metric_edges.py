"""Cases at the edge: missing scores in slopes, captioners without variance, results that must not compare."""

import math

import alignbench_auroc
import pytest


def test_missing_scores_have_no_weight_in_the_slope():
    result = alignbench_auroc.diagnose(
        [0.9, 0.7, None, None],
        [1, 1, 1, 0],
        captioner=["m"] * 4,
        image_id=list("abca"),
        position=[0, 1, 5, 0],
        missing="worst",
    )
    assert result["position"]["slope"]["captioners"]["m"]["correct"] == pytest.approx(-0.2)


@pytest.mark.parametrize("interval", ["analytic", "bootstrap"])
def test_a_mean_with_a_captioner_without_variance_has_no_interval_or_leaves_its_replicates_out(interval):
    # Captioner b has its only incorrect sentence on one image.
    scores = [0.9, 0.1, 0.8, 0.2, 0.7, 0.6, 0.9, 0.5, 0.4, 0.95]
    labels = [1, 0, 1, 0, 0, 1, 1, 1, 0, 1]
    found = alignbench_auroc.summarize(
        scores, labels, captioner=list("aaaaaabbbb"), image_id=list("xxyyzzxyzz"), interval=interval
    )
    assert found["auroc"] == (found["auroc_a"] + found["auroc_b"]) / 2
    assert found.notes
    if interval == "analytic":
        assert math.isnan(found["auroc_low"])
        assert "'b'" in found.notes[0]
    else:
        assert "left out there, and of the mean" in found.notes[0]


def test_results_of_other_labels_at_the_same_place_do_not_compare():
    columns = {"captioner": ["a"] * 4, "image_id": ["x"] * 4, "position": [0, 1, 2, 3]}
    one = alignbench_auroc.summarize([0.1, 0.2, 0.3, 0.4], [1, 0, 0, 1], **columns)
    other = alignbench_auroc.summarize([0.1, 0.2, 0.3, 0.4], [0, 1, 1, 0], **columns)
    with pytest.raises(ValueError, match="signatures differ in labels"):
        one.difference(other)


def test_the_order_of_the_rows_does_not_change_the_signature():
    labels, images, positions = [1, 0, 0, 1, 2], list("xxyyy"), [0, 1, 0, 1, 2]
    one = alignbench_auroc.summarize([1, 2, 3, 4, 5], labels, image_id=images, position=positions)
    other = alignbench_auroc.summarize(
        [5, 4, 3, 2, 1], labels[::-1], image_id=images[::-1], position=positions[::-1]
    )
    assert one.signature == other.signature


def test_results_that_dropped_other_rows_do_not_compare():
    columns = {"captioner": ["a"] * 4, "image_id": list("wxyz"), "missing": "drop"}
    one = alignbench_auroc.summarize([0.1, 0.2, 0.3, None], [0, 1, 0, 1], **columns)
    other = alignbench_auroc.summarize([0.1, None, 0.3, 0.2], [0, 1, 0, 1], **columns)
    with pytest.raises(ValueError, match="signatures differ in labels"):
        one.difference(other)


@pytest.mark.parametrize("build", [alignbench_auroc.summarize, alignbench_auroc.diagnose])
def test_captioners_whose_names_look_like_limits_stay_in_the_table(build, tmp_path):
    columns = {"captioner": ["o3_high"] * 2 + ["b"] * 2, "image_id": list("xyxy")}
    build([0.9, 0.1, 0.2, 0.8], [1, 0, 1, 0], **columns).save(tmp_path / "r.json")
    result = alignbench_auroc.Result.load(tmp_path / "r.json")
    assert result.aurocs()["auroc_o3_high"] == 1.0
    assert "o3_high" in repr(result)


def test_saved_comparisons_come_back_as_such_and_are_no_result_of_one_detector(tmp_path):
    columns = {"captioner": list("aabb"), "image_id": list("xyxy")}
    found = alignbench_auroc.compare([0.9, 0.1, 0.2, 0.8], [0.1, 0.9, 0.2, 0.8], [1, 0, 1, 0], **columns)
    found.save(tmp_path / "c.json")
    loaded = alignbench_auroc.Result.load(tmp_path / "c.json")
    assert repr(loaded) == repr(found)
    with pytest.raises(ValueError, match="results of one detector each, got a Comparison"):
        loaded.difference(loaded)
