"""Every diagnostic against direct arithmetic, with a planted effect of known size, and with none."""

import alignbench_auroc
import numpy as np
import pytest
from alignbench_auroc import calibration
from alignbench_auroc.sentences import TYPES
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics

CAPTIONERS = ("gpt4o", "llava", "qwen")


def benchmark(seed=0, images=400, sentences=7, unknown=0.0):
    """Captions of three captioners: columns, row by row, of ordinary size for one picture each."""
    rng = np.random.default_rng(seed)
    n = images * len(CAPTIONERS) * sentences
    labels = np.where(rng.random(n) < unknown, 2, rng.random(n) < 0.7).astype(int)
    image = np.repeat(np.arange(images), len(CAPTIONERS) * sentences)
    return {
        "references": labels,
        "captioner": np.tile(np.repeat(CAPTIONERS, sentences), images),
        "image_id": np.char.add("image", image.astype(str)),
        "position": np.tile(np.arange(sentences), images * len(CAPTIONERS)),
        "hallucination_types": [[int(rng.integers(9))] if label == 0 else [] for label in labels],
        "domain": np.array(["Food", "Nature"])[image % 2],
    }


def noise(rows, seed=1, separation=1.0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=len(rows["references"])) + separation * (rows["references"] == 1)


@pytest.mark.parametrize("whole", [False, True], ids=["floats", "0-100"])
def test_every_number_equals_direct_arithmetic(whole):
    rows = benchmark(images=40, unknown=0.1)
    scores = 1 / (1 + np.exp(-noise(rows)))
    scores = np.rint(100 * scores) if whole else scores
    result = alignbench_auroc.diagnose(scores, **rows)
    labels, domain = rows["references"], rows["domain"]
    place = np.minimum(rows["position"], 5)
    kind = np.array([tags[0] if tags else -1 for tags in rows["hallucination_types"]])
    for name in CAPTIONERS:
        mine = (rows["captioner"] == name) & (labels != 2)
        cells = result["captioners"][name]
        y, s = labels[mine], scores[mine]
        false_rate, true_rate, thresholds = metrics.roc_curve(y, s, drop_intermediate=False)
        assert cells["average_precision"] == pytest.approx(
            metrics.average_precision_score(1 - y, -s), abs=1e-12
        )
        assert cells["fpr_at_95_tpr"] == pytest.approx(false_rate[true_rate >= 0.95].min(), abs=1e-12)
        best = metrics.balanced_accuracy_score(y, s >= cells["threshold"])
        assert cells["best_balanced_accuracy"] == pytest.approx(best, abs=1e-12)
        assert best == pytest.approx(((true_rate + 1 - false_rate) / 2).max(), abs=1e-12)
        assert cells["threshold"] in thresholds
        if whole:
            assert np.isnan(cells["brier"])
        else:
            assert cells["brier"] == pytest.approx(metrics.brier_score_loss(y, s), abs=1e-12)
            assert cells["ece"] == pytest.approx(naive_ece(s, y), abs=1e-12)
        for part, column, heads in (
            ("position", place, dict(enumerate(("0", "1", "2", "3", "4", "5+")))),
            ("domain", domain, {"Food": "Food", "Nature": "Nature"}),
        ):
            for value, head in heads.items():
                rows_there = mine & (column == value)
                assert_cell(result[part]["captioners"][name][head], scores[rows_there], labels[rows_there])
        for code in set(kind[mine]) - {-1}:
            of_type = mine & (kind == code)
            pool = of_type | (mine & (labels == 1))
            cell = result["types"]["captioners"][name][TYPES[code]]
            assert cell["auroc"] == pytest.approx(
                metrics.roc_auc_score(labels[pool], scores[pool]), abs=1e-12
            )
            assert cell["score_incorrect"] == pytest.approx(scores[of_type].mean(), abs=1e-12)
        slope = result["position"]["slope"]["captioners"][name]
        for label, side in ((1, "correct"), (0, "incorrect")):
            expected = np.polyfit(place[mine][y == label], s[y == label], 1)[0]
            assert slope[side] == pytest.approx(expected, abs=1e-9)
    everywhere = result["position"]["mean"]["2"]["auroc"]
    cells = [result["position"]["captioners"][name]["2"]["auroc"] for name in CAPTIONERS]
    assert everywhere == pytest.approx(np.mean(cells), abs=1e-12)


def assert_cell(cell, scores, labels):
    assert cell["auroc"] == pytest.approx(metrics.roc_auc_score(labels, scores), abs=1e-12)
    assert cell["score_correct"] == pytest.approx(scores[labels == 1].mean(), abs=1e-12)
    assert cell["score_incorrect"] == pytest.approx(scores[labels == 0].mean(), abs=1e-12)
    assert (cell["n_correct"], cell["n_incorrect"]) == ((labels == 1).sum(), (labels == 0).sum())


def naive_ece(probabilities, labels, bins=10):
    total = 0.0
    for number in range(bins):
        inside = (probabilities >= number / bins) & (probabilities < (number + 1) / bins)
        inside |= (number == bins - 1) & (probabilities == 1)
        if inside.any():
            total += inside.sum() * abs(probabilities[inside].mean() - labels[inside].mean())
    return total / len(labels)


@pytest.mark.parametrize("bias", [0.0, 0.25])
def test_a_planted_position_bias_comes_out_as_slope(bias):
    rows = benchmark()
    scores = noise(rows) - bias * np.minimum(rows["position"], 5)
    position = alignbench_auroc.diagnose(scores, **rows)["position"]
    assert position["slope"]["mean"]["correct"] == pytest.approx(-bias, abs=0.03)
    assert position["slope"]["mean"]["incorrect"] == pytest.approx(-bias, abs=0.04)
    fall = position["mean"]["0"]["score_correct"] - position["mean"]["5+"]["score_correct"]
    assert fall == pytest.approx(5 * bias, abs=0.12)


@pytest.mark.parametrize("harder", [0.0, 0.8])
def test_a_planted_hard_type_scores_high_and_is_hard_to_find(harder):
    rows = benchmark()
    is_number = np.array([tags == [TYPES.index("Number")] for tags in rows["hallucination_types"]])
    types = alignbench_auroc.diagnose(noise(rows) + harder * is_number, **rows)["types"]["mean"]
    others = [cell["score_incorrect"] for name, cell in types.items() if name != "Number"]
    assert types["Number"]["score_incorrect"] - np.mean(others) == pytest.approx(harder, abs=0.12)
    # Two unit normals at distance d: the AUROC is Phi(d / sqrt 2).
    expected = {0.0: 0.7602, 0.8: 0.5562}[harder]
    assert types["Number"]["auroc"] == pytest.approx(expected, abs=0.035)
    assert types["Text"]["auroc"] == pytest.approx(0.7602, abs=0.035)


@pytest.mark.parametrize("easier", [0.0, 1.0])
def test_a_planted_easy_domain_comes_out(easier):
    rows = benchmark()
    scores = noise(rows) + easier * ((rows["domain"] == "Food") & (rows["references"] == 1))
    domain = alignbench_auroc.diagnose(scores, **rows)["domain"]["mean"]
    expected = {0.0: 0.7602, 1.0: 0.9214}[easier]
    assert domain["Food"]["auroc"] == pytest.approx(expected, abs=0.02)
    assert domain["Nature"]["auroc"] == pytest.approx(0.7602, abs=0.02)


@pytest.mark.parametrize("shift", [0.0, 0.2])
def test_a_planted_miscalibration_is_the_calibration_error(shift):
    rng = np.random.default_rng(0)
    true = rng.uniform(0, 0.8, 40_000)
    labels = (rng.random(40_000) < true).astype(int)
    found = calibration.expected_calibration_error(true + shift, labels)
    assert found == pytest.approx(shift, abs=0.015)
    brier = calibration.brier(true + shift, labels)
    assert brier == pytest.approx(np.mean(true * (1 - true)) + shift**2, abs=0.01)


@pytest.mark.parametrize("interval", ["analytic", "bootstrap", "bca"])
@pytest.mark.parametrize("preference", [0.0, 0.6])
def test_planted_self_preference_comes_out_with_an_interval(preference, interval):
    rows = benchmark(images=600)
    own = (rows["captioner"] == "qwen") & (rows["references"] == 0)
    found = alignbench_auroc.diagnose(
        noise(rows) + preference * own, own_captioners=["qwen"], interval=interval, **rows
    )["self_preference"]
    # The incorrect sentences' mean moves up: Phi((1 - preference) / sqrt 2) over Phi(1 / sqrt 2).
    expected = {0.0: 1.0, 0.6: 0.6114 / 0.7602}[preference]
    assert found["auroc_ratio_low"] < expected < found["auroc_ratio_high"]
    assert found["auroc_ratio_high"] - found["auroc_ratio_low"] < 0.08
    assert found["score_gap_low"] < preference < found["score_gap_high"]
    assert found["score_gap_high"] - found["score_gap_low"] < 0.2
    assert (found["auroc_ratio_high"] < 1) == (found["score_gap_low"] > 0) == (preference > 0)


def test_the_score_gap_compares_sentences_at_the_same_position_only():
    rows = benchmark()
    late = rows["captioner"] == "qwen"
    kept = ~late | (rows["position"] >= 3)
    rows = {name: np.array(values, dtype=object)[kept].tolist() for name, values in rows.items()}
    scores = -np.array(rows["position"], float)
    found = alignbench_auroc.diagnose(scores, own_captioners="qwen", **rows)["self_preference"]
    assert found["score_gap"] == pytest.approx(0, abs=0.06)


def test_the_self_preference_matrix_divides_by_the_detectors_mean():
    matrix = alignbench_auroc.self_preference_matrix({"d": {"a": 0.6, "b": 0.9, "c": float("nan")}})
    assert matrix["d"]["a"] == pytest.approx(0.8)
    assert matrix["d"]["b"] == pytest.approx(1.2)
    assert np.isnan(matrix["d"]["c"])


@given(st.integers(0, 10**6), st.booleans())
def test_the_order_of_the_rows_does_not_show_in_the_last_digit(seed, whole):
    rng = np.random.default_rng(seed)
    rows = benchmark(seed, images=6, unknown=0.1)
    scores = np.round(rng.random(len(rows["references"])), 2)
    scores = scores * 100 // 1 if whole else scores
    options = {"own_captioners": "qwen", "interval": rng.choice(["analytic", "bootstrap", "bca"])}
    one = alignbench_auroc.diagnose(scores, replicates=20, **options, **rows)
    order = rng.permutation(len(scores))
    moved = {name: [values[row] for row in order] for name, values in rows.items()}
    other = alignbench_auroc.diagnose(scores[order], replicates=20, **options, **moved)
    np.testing.assert_equal(dict(one), dict(other))


def test_types_say_what_they_leave_out():
    rows = {"references": [1, 1, 0, 0], "hallucination_types": [[0], [], [], [1]]}
    notes = alignbench_auroc.diagnose([0.9, 0.8, 0.1, 0.2], **rows).notes
    assert "types: 1 incorrect sentences have no type and are in none" in notes
    assert "types: 1 correct sentences have a type, which is passed over" in notes


def test_calibration_refuses_other_scales():
    with pytest.raises(ValueError, match=r"probabilities in \[0, 1\]"):
        calibration.brier([50, 60], [1, 0])
