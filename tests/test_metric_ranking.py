"""The ranking measures against scikit-learn and against their own invariants."""

import numpy as np
import pytest
from alignbench_auroc import ranking
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

VALUES = (
    st.integers(-3, 3).map(float)  # heavy ties, the table of counts
    | st.sampled_from([-0.5, -0.0, 0.0, 0.25, 0.25 + 2**-54, 1 / 3])  # ties, packed keys
    | st.floats(-1, 1)
    | st.floats(allow_nan=False, allow_infinity=False, min_value=-1e300, max_value=1e300)  # no spare bit
)
ROWS = st.lists(st.tuples(VALUES, st.integers(0, 1), st.sampled_from([0.0, 0.5, 1.0, 2.0, 3.7])), min_size=2)


def both_classes(rows, weighted=False):
    return {label for _, label, weight in rows if weight or not weighted} == {0, 1}


def split(rows):
    scores, labels, weights = (np.array(column) for column in zip(*rows, strict=True))
    return scores, labels, weights


@pytest.mark.smoke
@given(ROWS.filter(both_classes))
def test_auroc_equals_scikit_learn(rows):
    scores, labels, _ = split(rows)
    expected = metrics.roc_auc_score(labels, scores)
    assert ranking.auroc(scores, labels) == pytest.approx(expected, abs=1e-12)
    assert ranking.levels(scores, labels).auroc() == pytest.approx(expected, abs=1e-12)


@given(ROWS.filter(lambda rows: both_classes(rows, weighted=True)))
def test_weighted_measures_equal_scikit_learn(rows):
    scores, labels, weights = split(rows)
    expected = metrics.roc_auc_score(labels, scores, sample_weight=weights)
    assert ranking.auroc(scores, labels, weights) == pytest.approx(expected, abs=1e-12)
    expected = metrics.average_precision_score(labels, scores, sample_weight=weights)
    assert ranking.average_precision(scores, labels, weights) == pytest.approx(expected, abs=1e-12)


@pytest.mark.smoke
@given(ROWS.filter(both_classes))
def test_average_precision_equals_scikit_learn(rows):
    scores, labels, _ = split(rows)
    expected = metrics.average_precision_score(labels, scores)
    assert ranking.average_precision(scores, labels) == pytest.approx(expected, abs=1e-12)


@given(ROWS.filter(lambda rows: both_classes(rows, weighted=True)), st.booleans())
def test_roc_points_equal_scikit_learn(rows, weighted):
    scores, labels, weights = split(rows)
    given_weights = weights if weighted else None
    ours = ranking.roc_points(scores, labels, given_weights)
    theirs = metrics.roc_curve(labels, scores, sample_weight=given_weights, drop_intermediate=False)
    for mine, expected in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(mine, expected, atol=1e-12)


@given(ROWS.filter(both_classes))
def test_operating_points_are_the_best_of_the_roc_curve(rows):
    scores, labels, _ = split(rows)
    false_rate, true_rate, thresholds = metrics.roc_curve(labels, scores, drop_intermediate=False)
    assert ranking.fpr_at_tpr(scores, labels, 0.95) == pytest.approx(false_rate[true_rate >= 0.95].min())
    best, threshold = ranking.best_balanced_accuracy(scores, labels)
    assert best == pytest.approx(((true_rate + 1 - false_rate) / 2).max())
    assert best == pytest.approx(metrics.balanced_accuracy_score(labels, scores >= threshold))
    assert threshold in thresholds


@given(ROWS.filter(both_classes))
def test_only_the_order_of_scores_counts(rows):
    scores, labels, _ = split(rows)
    ranks = np.unique(scores, return_inverse=True)[1]
    assert ranking.auroc(np.arctan(ranks / 7.0), labels) == ranking.auroc(scores, labels)
    assert ranking.auroc(ranks * 1e290, labels) == ranking.auroc(scores, labels)


@given(ROWS.filter(both_classes), st.randoms())
def test_swapped_labels_mirror_and_copies_and_order_do_not_matter(rows, random):
    scores, labels, _ = split(rows)
    value = ranking.auroc(scores, labels)
    assert ranking.auroc(scores, 1 - labels) == pytest.approx(1 - value, abs=1e-12)
    assert ranking.auroc(np.tile(scores, 2), np.tile(labels, 2)) == pytest.approx(value, abs=1e-12)
    order = random.sample(range(len(scores)), len(scores))
    assert ranking.auroc(scores[order], labels[order]) == value


@given(st.lists(st.integers(0, 1), min_size=2).filter(lambda labels: set(labels) == {0, 1}), VALUES)
def test_a_constant_scorer_gets_one_half(labels, value):
    assert ranking.auroc(np.full(len(labels), value), labels) == 0.5


@settings(max_examples=30)
@given(st.lists(st.sampled_from([-np.inf, -1.5, 0.25, np.inf]), min_size=4, max_size=20))
def test_infinite_scores_only_have_a_rank(scores):
    labels = np.arange(len(scores)) % 2
    finite = np.nan_to_num(np.array(scores), posinf=9, neginf=-9)
    assert ranking.auroc(scores, labels) == ranking.auroc(finite, labels)


@pytest.mark.parametrize("labels", [[1, 1, 1], [0, 0, 0]])
def test_one_class_is_nan(labels):
    scores = [0.1, 0.5, 0.5]
    assert np.isnan(ranking.auroc(scores, labels))
    assert np.isnan(ranking.fpr_at_tpr(scores, labels))
    assert np.isnan(ranking.best_balanced_accuracy(scores, labels)).all()
    assert np.isnan(ranking.average_precision(scores, labels)) == (labels[0] == 0)


def test_no_rows_is_nan():
    assert np.isnan(ranking.auroc([], []))
    assert np.isnan(ranking.average_precision([], []))
    assert np.isnan(ranking.best_balanced_accuracy([], [])).all()


@pytest.mark.parametrize(
    ("scores", "labels", "weights", "message"),
    [
        ([0.1, np.nan], [0, 1], None, "without NaN, got 1"),
        ([0.1, 0.2], [0, 2], None, "labels 0 or 1"),
        ([0.1, 0.2], [0.2, 1.7], None, "labels 0 or 1"),
        ([0.1, 0.2], [0, 1, 1], None, "one shape"),
        ([0.1, 0.2], [0, 1], [1, -1], "non-negative weights"),
        ([0.1, 0.2], [0, 1], [1, np.inf], "finite"),
    ],
)
def test_bad_input_is_refused(scores, labels, weights, message):
    with pytest.raises(ValueError, match=message):
        ranking.auroc(scores, labels, weights)
