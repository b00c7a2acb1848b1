"""Comparisons of detectors, saved results, signatures and the Trainer's function."""

import json
from types import SimpleNamespace

import alignbench_auroc
import numpy as np
import pytest
from alignbench_auroc import Result
from alignbench_auroc.comparison import holm
from alignbench_auroc.delong import delong
from alignbench_auroc.trainer import scores_of
from scipy.stats import norm


@pytest.fixture
def rows():
    rng = np.random.default_rng(0)
    n = 1200
    return {
        "references": rng.choice([0, 1, 2], n, p=[0.3, 0.65, 0.05]),
        "captioner": rng.choice(["a", "b"], n),
        "image_id": rng.integers(0, 100, n),
    }


def detector(rows, seed, separation):
    rng = np.random.default_rng(seed)
    image = rng.normal(size=100)[rows["image_id"]]
    return image * 0.5 + rng.normal(size=len(image)) + separation * (rows["references"] == 1)


def test_differences_are_those_of_the_single_results(rows):
    a, b = detector(rows, 1, 1.5), detector(rows, 2, 1.0)
    compared = alignbench_auroc.compare(a, b, **rows)
    singles = [alignbench_auroc.summarize(each, **rows) for each in (a, b)]
    assert compared["mean"]["difference"] == pytest.approx(
        singles[0]["auroc"] - singles[1]["auroc"], abs=1e-12
    )
    for name in ("a", "b"):
        expected = singles[0][f"auroc_{name}"] - singles[1][f"auroc_{name}"]
        assert compared["captioners"][name]["difference"] == pytest.approx(expected, abs=1e-12)
    mean = compared["mean"]
    assert mean["low"] < mean["difference"] < mean["high"]
    assert mean["p"] < 0.01
    assert mean["p_delong"] < 0.01
    mirrored = alignbench_auroc.compare(b, a, **rows)["mean"]
    assert mirrored["difference"] == -mean["difference"]
    assert mirrored["p"] == mean["p"]


def test_delongs_p_is_that_of_its_covariance(rows):
    a, b = detector(rows, 1, 1.1), detector(rows, 2, 1.0)
    got = alignbench_auroc.compare(a, b, replicates=10, **rows)["captioners"]["a"]["p_delong"]
    mine = (rows["captioner"] == "a") & (rows["references"] != 2)
    auroc, covariance = delong(np.stack((a, b))[:, mine], rows["references"][mine])
    error = np.sqrt(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1])
    assert got == pytest.approx(2 * norm.sf(abs(auroc[0] - auroc[1]) / error))


def test_a_detector_does_not_differ_from_itself(rows):
    a = detector(rows, 1, 1)
    mean = alignbench_auroc.compare(a, 2 * a + 1, **rows)["mean"]
    assert (mean["difference"], mean["low"], mean["high"], mean["p"], mean["p_delong"]) == (0, 0, 0, 1, 1)


def test_equal_detectors_are_seldom_called_different():
    rejected = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        rows = {
            "references": rng.integers(0, 2, 300),
            "captioner": rng.choice(["a", "b"], 300),
            "image_id": rng.integers(0, 50, 300),
        }
        scores = [np.resize(rng.normal(size=300), 300) + rows["references"] for _ in range(2)]
        rejected += alignbench_auroc.compare(*scores, replicates=200, seed=seed, **rows)["mean"]["p"] < 0.05
    assert rejected <= 8


def test_detectors_are_compared_on_the_rows_that_both_have(rows):
    a, b = detector(rows, 1, 1.5), detector(rows, 2, 1.0)
    known = np.ones(len(a), bool)
    known[10:20] = False
    dropped = alignbench_auroc.compare(np.where(known, a, np.nan), b, missing="drop", **rows)
    expected = alignbench_auroc.compare(a[known], b[known], **{key: v[known] for key, v in rows.items()})
    assert dropped["mean"] == expected["mean"]
    with pytest.raises(ValueError, match="missing="):
        alignbench_auroc.compare(np.where(known, a, np.nan), b, **rows)


def test_without_images_there_is_no_interval_and_the_result_says_so(rows):
    del rows["image_id"]
    compared = alignbench_auroc.compare(
        detector({**rows, "image_id": [0] * 1200}, 1, 1), np.zeros(1200), **rows
    )
    assert np.isnan([compared["mean"]["low"], compared["mean"]["p"]]).all()
    assert compared["mean"]["p_delong"] < 0.05
    assert any("no interval, no p: image_id is not known" in note for note in compared.notes)


def test_ranks_come_with_their_uncertainty(rows):
    strengths = {"best": 3.0, "middle": 1.2, "twin": 1.2, "worst": 0.0}
    detectors = {name: detector(rows, seed, strengths[name]) for seed, name in enumerate(strengths)}
    found = alignbench_auroc.rank_detectors(detectors, **rows)
    ranked = found["detectors"]
    assert next(iter(ranked)) == "best"
    assert [ranked["best"][key] for key in ("rank", "rank_low", "rank_high")] == [1, 1, 1]
    assert [ranked["worst"][key] for key in ("rank", "rank_low", "rank_high")] == [4, 4, 4]
    assert {ranked["middle"]["rank"], ranked["twin"]["rank"]} == {2, 3}
    assert (ranked["middle"]["rank_low"], ranked["middle"]["rank_high"]) == (2, 3)
    pairs = {(cell["a"], cell["b"]): cell for cell in found["pairs"]}
    assert len(pairs) == 6
    assert pairs["best", "worst"]["p_holm"] < 1e-6
    twins = next(cell for pair, cell in pairs.items() if set(pair) == {"middle", "twin"})
    assert twins["p_holm"] > 0.05
    assert "rank 1, 1-1" in repr(found)
    with pytest.raises(ValueError, match="expected two or more, got 1"):
        alignbench_auroc.rank_detectors({"best": detectors["best"]}, **rows)


def test_holm_by_hand():
    adjusted = holm([0.01, 0.04, 0.03, 0.005, np.nan])
    np.testing.assert_allclose(adjusted, [0.03, 0.06, 0.06, 0.02, np.nan])
    assert holm([0.9, 0.8]).tolist() == [1.0, 1.0]


@pytest.mark.parametrize("build", [alignbench_auroc.summarize, alignbench_auroc.diagnose])
def test_results_survive_saving(build, rows, tmp_path):
    rows["captioner"][0] = "alone"
    result = build(detector(rows, 1, 1), **rows)
    path = tmp_path / "result.json"
    result.save(path)
    again = Result.load(path)
    np.testing.assert_equal(dict(again), dict(result))
    assert (again.signature, again.notes) == (result.signature, result.notes)
    assert "NaN" not in path.read_text()
    assert [entry.name for entry in tmp_path.iterdir()] == ["result.json"]
    json.dumps(result)


def test_a_failed_save_leaves_the_old_file(rows, tmp_path):
    path = tmp_path / "result.json"
    path.write_text("old")
    result = alignbench_auroc.summarize(detector(rows, 1, 1), **rows)
    result["broken"] = object()
    with pytest.raises(TypeError):
        result.save(path)
    assert path.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["result.json"]


@pytest.mark.parametrize("text", ["no json", "[]", '{"auroc": 1}'])
def test_other_files_are_not_loaded(text, tmp_path):
    path = tmp_path / "other.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"other.json: expected a"):
        Result.load(path)


def test_results_with_the_same_signature_compare(rows):
    one, other = (alignbench_auroc.summarize(detector(rows, seed, 1), **rows) for seed in (1, 2))
    assert one.difference(other)["auroc_a"] == one["auroc_a"] - other["auroc_a"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"missing": "worst"}, "missing: error / worst"),
        ({"interval": "bootstrap"}, "interval: analytic / bootstrap"),
        ({"confidence": 0.9}, "confidence: 0.95 / 0.9"),
    ],
)
def test_results_computed_in_another_way_do_not_compare(rows, change, field):
    scores = detector(rows, 1, 1)
    one, other = (
        alignbench_auroc.summarize(scores, **rows),
        alignbench_auroc.summarize(scores, **rows, **change),
    )
    with pytest.raises(ValueError, match=field):
        one.difference(other)


def test_the_signature_pins_the_labels_but_not_the_order_of_rows(rows):
    scores = detector(rows, 1, 1)
    whole = alignbench_auroc.summarize(scores, **rows)
    turned = alignbench_auroc.summarize(scores[::-1], **{key: v[::-1] for key, v in rows.items()})
    assert turned.signature == whole.signature
    changed = rows["references"].copy()
    changed[0] = 1 - changed[0] % 2
    other = alignbench_auroc.summarize(scores, **{**rows, "references": changed})
    with pytest.raises(ValueError, match="labels: "):
        whole.difference(other)
    seeds = [
        alignbench_auroc.summarize(scores, **rows, interval="bootstrap", replicates=9, seed=seed)
        for seed in (0, 1)
    ]
    with pytest.raises(ValueError, match="seed: 0 / 1"):
        seeds[0].difference(seeds[1])
    assert seeds[0].signature["replicates"] == 9


def test_a_result_prints_as_a_table(rows):
    text = repr(alignbench_auroc.diagnose(detector(rows, 1, 1), **rows))
    assert text.splitlines()[1].startswith("mean AUROC")
    assert "[0." in text
    assert "note: " in text
    assert "labels " in text


@pytest.mark.parametrize("shape", ["(n,)", "(n, 1)", "(n, 2)", "tuple"])
def test_trainer_outputs_become_scores(shape, rows):
    scores = detector(rows, 1, 1)
    logits = np.stack((-scores / 2, scores / 2), axis=1)
    outputs = {"(n,)": scores, "(n, 1)": scores[:, None], "(n, 2)": logits, "tuple": (logits, None)}[shape]
    labels = rows.pop("references")
    compute = alignbench_auroc.compute_metrics(**rows)
    got = compute(SimpleNamespace(predictions=outputs, label_ids=labels))
    expected = alignbench_auroc.summarize(scores, labels, **rows)
    assert got["auroc"] == pytest.approx(expected["auroc"], abs=1e-12)
    assert all(isinstance(value, (int, float)) for value in got.values())


def test_trainer_outputs_of_another_shape_are_refused():
    with pytest.raises(ValueError, match=r"expected shape \(n,\), \(n, 1\) or \(n, 2\), got \(4, 3\)"):
        scores_of(np.zeros((4, 3)))


def test_a_small_batch_with_one_class_does_not_stop_training():
    got = alignbench_auroc.compute_metrics()(SimpleNamespace(predictions=np.zeros(3), label_ids=np.ones(3)))
    assert np.isnan(got["auroc"])
