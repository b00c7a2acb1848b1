"""What the metric does with bad, missing and one-sided input: a clear error, or NaN with a reason."""

import warnings

import alignbench_auroc
import datasets
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from alignbench_auroc import checks, ranking
from alignbench_auroc.sentences import TYPES

ROWS = {
    "references": [1, 0, 1, 0, 2, 1],
    "captioner": ["a", "a", "b", "b", "b", "a"],
    "image_id": ["x", "y", "x", "y", "z", "z"],
    "position": [0, 1, 0, 1, 2, 2],
    "hallucination_types": [[], [0], [], [2, 3], [], []],
    "domain": ["Food", "Food", "Nature", "Nature", "Food", "Nature"],
}
SCORES = [0.9, 0.2, 0.4, 0.6, 0.5, 0.7]


@pytest.fixture(autouse=True)
def no_warning_storm():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("references", [1, 0, 1, 0, 2], "captioner: expected 5 rows as in references, got 6"),
        ("captioner", ["a"], "captioner: expected 6 rows as in references, got 1"),
        ("position", [0], "position: expected 6 rows"),
        ("hallucination_types", [[]], "hallucination_types: expected 6 rows"),
        (
            "references",
            [1, 0, 1.7, 0, 2, 1],
            "got 1.7 in row 2 .1 such rows",
        ),
        ("references", [1, 0, 1, 0, 3, 1], "got .*3.* in row 4"),
        ("references", [1, 0, None, 0, 2, 1], "references: expected 0 .* got None in row 2"),
        ("references", ["correct"] * 6, "references: expected 0 .* got .*'correct'.* in row 0"),
        ("references", [1, 0, 1, float("nan"), 2, 1], "references: expected 0 .* got .*nan.* in row 3"),
        ("references", None, "references: expected one value a row, got None"),
        ("position", [0, 1, 0.5, 1, 2, 2], "position: expected whole numbers from 0, got 0.5 in row 2"),
        (
            "position",
            [0, 1, 3e9, 1, 2, 2],
            "position: expected whole numbers from 0, got 3000000000.0 in row 2",
        ),
        ("captioner", [["a"]] * 6, "captioner: expected one name a row, got lists or dicts"),
        ("hallucination_types", [[], [9], [], [], [], []], "hallucination_types: expected codes from 0 to 8"),
        ("hallucination_types", [[], ["Text"], [], [], [], []], "hallucination_types: expected codes"),
    ],
)
def test_bad_columns_are_named_with_row_and_remedy(column, value, message):
    with pytest.raises(ValueError, match=message):
        alignbench_auroc.diagnose(SCORES, **{**ROWS, column: value})


@pytest.mark.parametrize(
    ("scores", "message"),
    [
        (SCORES[1:], "predictions: expected 6 rows as in references, got 5"),
        (["0.9", *SCORES[1:]], "predictions: expected numbers, got '0.9' in row 0"),
        ([0.9, "yes", *SCORES[2:]], "predictions: expected numbers, got 'yes' in row 1"),
        ([0.9, float("inf"), *SCORES[2:]], "predictions: expected finite scores, got inf in row 1"),
        ([0.9, None, *SCORES[2:]], "got none for 1 of 5 .first in row 1.*missing="),
        ([0.9, 0.2, 0.4, 0.6, 0.5, float("nan")], "got none for 1 of 5 .first in row 5"),
        ([[0.1, 0.9]] * 6, r"predictions: expected one value a row, shape \(n,\), got shape \(6, 2\)"),
        (None, "predictions: expected one value a row, got None"),
        ("scores", "predictions: expected a list or an array, got str"),
        ([1j] * 6, "predictions: expected numbers"),
    ],
)
def test_bad_scores_are_named_with_row_and_remedy(scores, message):
    with pytest.raises(ValueError, match=message):
        alignbench_auroc.summarize(scores, **ROWS)


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"missing": "ignore"}, "missing: expected one of error, worst, drop, got 'ignore'"),
        ({"interval": "wald"}, "interval: expected one of"),
        ({"confidence": 95}, "confidence: expected a number between 0 and 1, got 95"),
        ({"interval": "bootstrap", "replicates": 0}, "replicates: expected a whole number from 1"),
        ({"own_captioners": ["c"]}, "own_captioners: expected some of a, b, got c"),
        ({"own_captioners": ["a", "b"]}, "at least one captioner that is not"),
    ],
)
def test_bad_options_are_refused(option, message):
    with pytest.raises(ValueError, match=message):
        alignbench_auroc.diagnose(SCORES, **ROWS, **option)


def test_a_missing_score_of_an_unknown_sentence_does_not_matter():
    scores = [*SCORES[:4], None, SCORES[5]]
    assert alignbench_auroc.summarize(scores, **ROWS)["n_missing"] == 0


def test_missing_drop_leaves_rows_out_and_counts_them():
    result = alignbench_auroc.summarize([None, *SCORES[1:]], ROWS["references"], missing="drop")
    assert result["auroc"] == ranking.auroc([0.2, 0.4, 0.6, 0.7], [0, 1, 0, 1])
    assert (result["n"], result["n_missing"]) == (4, 1)
    assert "1 sentences without a score were dropped" in result.notes


@pytest.mark.parametrize("scores", [SCORES, [90, 20, 40, 60, 50, 70]])
def test_missing_worst_counts_every_pair_of_the_row_as_lost(scores):
    labels = ROWS["references"]
    result = alignbench_auroc.summarize([*scores[:1], None, None, *scores[3:]], labels, missing="worst")
    expected = ranking.auroc([scores[0], 1e9, -1e9, scores[3], scores[5]], [1, 0, 1, 0, 1])
    assert result["auroc"] == expected
    assert result["n_missing"] == 2


def test_refusing_never_helps():
    rng = np.random.default_rng(0)
    labels, scores = rng.integers(0, 2, 200), np.round(rng.normal(size=200), 1)
    whole = alignbench_auroc.summarize(scores, labels)["auroc"]
    for _ in range(20):
        refused = np.where(rng.random(200) < 0.1, np.nan, scores)
        assert alignbench_auroc.summarize(refused, labels, missing="worst")["auroc"] <= whole


def test_worst_scores_do_not_enter_mean_scores_but_cost_calibration():
    scores, labels = [0.9, None, 0.4, None], [1, 1, 0, 0]
    result = alignbench_auroc.diagnose(scores, labels, position=[0, 0, 0, 0], missing="worst")
    assert result["position"]["mean"]["0"]["score_correct"] == pytest.approx(0.9)
    assert result["position"]["mean"]["0"]["score_incorrect"] == pytest.approx(0.4)
    assert result["pooled"]["brier"] == pytest.approx((0.1**2 + 1 + 0.4**2 + 1) / 4)


@pytest.mark.parametrize("build", [alignbench_auroc.summarize, alignbench_auroc.diagnose])
@pytest.mark.parametrize(
    ("scores", "labels"),
    [([], []), ([0.5, 0.6], [2, 2]), ([None, None], [1, 0])],
    ids=["no rows", "all unknown", "all missing"],
)
def test_no_row_left_is_nan_with_a_reason(build, scores, labels):
    result = build(
        scores, labels, captioner=["a"] * len(labels), image_id=["x"] * len(labels), missing="drop"
    )
    assert np.isnan(result["auroc"])
    assert result["n"] == 0
    assert any("no labelled sentence with a score is left" in note for note in result.notes)


@pytest.mark.parametrize("interval", ["analytic", "bootstrap", "bca", None])
@pytest.mark.parametrize("label", [0, 1])
def test_one_class_is_nan_with_a_reason(label, interval):
    result = alignbench_auroc.diagnose(
        [0.1, 0.2, 0.3],
        [label] * 3,
        captioner=["a"] * 3,
        image_id=list("xyz"),
        interval=interval,
        replicates=20,
    )
    assert np.isnan([result["auroc"], result["auroc_low"], result["auroc_pooled"]]).all()
    assert any(f"no {'correct' if label == 0 else 'incorrect'} sentence" in note for note in result.notes)


def test_a_captioner_with_one_class_is_left_out_of_the_mean():
    rows = {name: [*values, values[-1]] for name, values in ROWS.items()}
    rows["captioner"][-1], rows["references"][-1] = "c", 1
    result = alignbench_auroc.diagnose([*SCORES, 0.1], **rows)
    assert np.isnan(result["captioners"]["c"]["auroc"])
    assert result["auroc"] == np.mean([result["captioners"][name]["auroc"] for name in "ab"])
    assert "captioner 'c': no incorrect sentence, so AUROC is NaN, not in the mean" in result.notes


def test_a_position_with_one_class_is_nan_there_only():
    result = alignbench_auroc.diagnose(SCORES, **ROWS)
    assert np.isnan(result["position"]["mean"]["0"]["auroc"])
    assert result["position"]["mean"]["0"]["score_correct"] == pytest.approx((0.9 + 0.4) / 2)


@pytest.mark.parametrize("interval", ["analytic", "bootstrap", "bca"])
@pytest.mark.parametrize(
    ("images", "reason"),
    [
        (["x"] * 6, "all sentences are about one image"),
        (None, "image_id is not known"),
        ([None] * 6, "image_id is not known"),
        (["x", "y", "x", None, "z", "z"], "image_id is not known for 1 sentences"),
    ],
)
def test_where_no_interval_can_be_had_the_result_says_why(images, reason, interval):
    result = alignbench_auroc.summarize(SCORES, **{**ROWS, "image_id": images}, interval=interval)
    assert not np.isnan(result["auroc"])
    assert np.isnan([result["auroc_low"], result["auroc_high"]]).all()
    assert any(note.startswith("no interval: ") and reason in note for note in result.notes)


def test_a_single_captioner_is_the_mean():
    rows = {**ROWS, "captioner": ["only"] * 6}
    result = alignbench_auroc.summarize(SCORES, **rows)
    assert result["auroc"] == result["auroc_only"] == result["auroc_pooled"]
    assert result["auroc_low"] == pytest.approx(result["auroc_only_low"], nan_ok=True)


def test_parts_without_their_column_are_left_out_and_said():
    result = alignbench_auroc.diagnose(SCORES, ROWS["references"])
    for part in ("position", "types", "domain"):
        assert result[part] is None
        assert any(note.startswith(f"{part}: left out") for note in result.notes)
    assert any(note.startswith("captioners: left out") for note in result.notes)


def test_rows_without_a_captioner_count_in_the_pooled_number_only():
    rows = {**ROWS, "captioner": ["a", "a", "b", "b", "b", None]}
    result = alignbench_auroc.diagnose(SCORES, **rows)
    assert result["captioners"]["a"]["n_correct"] == 1
    assert result["pooled"]["auroc"] == ranking.auroc([0.9, 0.2, 0.4, 0.6, 0.7], [1, 0, 1, 0, 1])
    assert any(note.startswith("captioners: 1 sentences are left out") for note in result.notes)


def test_a_captioner_name_cannot_overwrite_another_number():
    rows = {**ROWS, "captioner": ["pooled", "pooled", "b", "b", "b", "pooled"]}
    with pytest.raises(ValueError, match="captioner: the name 'pooled' collides"):
        alignbench_auroc.summarize(SCORES, **rows)


def as_every_container():
    table = pa.table({**ROWS, "predictions": SCORES})
    chunked = pa.concat_tables([table.slice(0, 2), table.slice(2, 4)])
    frame = pd.DataFrame({**ROWS, "predictions": SCORES})
    dataset = datasets.Dataset.from_dict({**ROWS, "predictions": SCORES})
    return {
        "numpy": {name: np.array(values) for name, values in ROWS.items() if name != "hallucination_types"},
        "arrow": {name: chunked[name] for name in ROWS},
        "sliced arrow": {name: pa.concat_arrays([table[name].chunk(0)] * 2)[6:] for name in ROWS},
        "pandas": {name: frame[name] for name in ROWS},
        "datasets": {name: dataset[name] for name in ROWS},
    }


@pytest.mark.smoke
@pytest.mark.parametrize("kind", ["numpy", "arrow", "sliced arrow", "pandas", "datasets"])
def test_every_container_gives_the_same_result(kind):
    columns = {"hallucination_types": ROWS["hallucination_types"], **as_every_container()[kind]}
    expected = alignbench_auroc.diagnose(SCORES, **ROWS)
    np.testing.assert_equal(dict(alignbench_auroc.diagnose(np.array(SCORES), **columns)), dict(expected))


@pytest.mark.smoke
def test_columns_of_a_dataset_feed_the_metric():
    features = datasets.Features(
        {
            "label": datasets.ClassLabel(names=["incorrect", "correct", "unknown"]),
            "captioner": datasets.Value("string"),
            "image_id": datasets.Value("string"),
            "position": datasets.Value("int32"),
            "hallucination_types": datasets.Sequence(datasets.ClassLabel(names=list(TYPES))),
            "domain": datasets.Value("string"),
            "image": datasets.Image(),
        }
    )
    rows = {("label" if name == "references" else name): values for name, values in ROWS.items()}
    broken = [{"bytes": b"no picture", "path": None}] * 6
    dataset = datasets.Dataset.from_dict({**rows, "image": broken}, features=features)
    columns = alignbench_auroc.columns(dataset)
    assert list(columns) == list(ROWS)
    expected = alignbench_auroc.diagnose(SCORES, **ROWS)
    np.testing.assert_equal(dict(alignbench_auroc.diagnose(SCORES, **columns)), dict(expected))
    picked = dataset.select([5, 4, 3, 2, 1, 0])
    again = alignbench_auroc.diagnose(SCORES[::-1], **alignbench_auroc.columns(picked))
    np.testing.assert_equal(dict(again), dict(expected))
    only = alignbench_auroc.columns(dataset.select_columns(["label"]))
    assert only["captioner"] is None


def test_columns_refuses_other_codes_and_streams():
    wrong = datasets.Features({"label": datasets.ClassLabel(names=["correct", "incorrect", "unknown"])})
    dataset = datasets.Dataset.from_dict({"label": [0, 1]}, features=wrong)
    with pytest.raises(ValueError, match="column 'label': expected the classes"):
        alignbench_auroc.columns(dataset)
    with pytest.raises(ValueError, match="expected a column 'label'"):
        alignbench_auroc.columns(datasets.Dataset.from_dict({"text": ["a"]}))
    with pytest.raises(TypeError, match="without streaming"):
        alignbench_auroc.columns(dataset.to_iterable_dataset())


def test_a_tensor_may_need_gradients():
    class Tensor:
        """What torch does, which the tests do not install."""

        def __init__(self, values):
            self.values, self.steps = values, []

        def detach(self):
            self.steps.append("detach")
            return self

        def cpu(self):
            self.steps.append("cpu")
            return self

        def double(self):
            return np.array(self.values, np.float64)

    scores = Tensor(SCORES)
    assert alignbench_auroc.summarize(scores, Tensor(ROWS["references"]))["n"] == 5
    assert scores.steps == ["detach", "cpu"]


def test_checked_sentences_serve_many_detectors():
    rows = checks.check_columns(**ROWS)
    expected = alignbench_auroc.diagnose(SCORES, **ROWS)
    np.testing.assert_equal(dict(alignbench_auroc.diagnose(SCORES, rows)), dict(expected))
    with pytest.raises(ValueError, match="expected no columns beside checked Sentences, got domain"):
        alignbench_auroc.diagnose(SCORES, rows, domain=ROWS["domain"])


def test_scores_that_crowd_near_one_keep_their_order():
    scores = 1 - np.array([1, 2, 3, 4]) * 1e-12
    assert alignbench_auroc.summarize(scores, [1, 0, 1, 0])["auroc"] == 0.75
