"""DeLong's covariance and test, beside pROC's published figures and scikit-learn."""

import csv
from pathlib import Path

import numpy as np
import pytest
from alignbench_auroc.delong import delong, delong_test, paired_test
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

MARKERS = ["wfns", "s100b", "ndka"]


@pytest.fixture(scope="module")
def asah():
    """The aSAH data set (see data/README.md): three markers, and 1 for a poor outcome."""
    with open(Path(__file__).parent / "data" / "aSAH.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    scores = np.array([[float(row[marker]) for row in rows] for marker in MARKERS])
    return scores, np.array([int(row["outcome"] == "Poor") for row in rows])


class TestPublishedFiguresOfProc:
    """pROC (R; Robin et al. 2011, BMC Bioinformatics 12, 77) on aSAH, to the digits its test suite prints.

    Its files test-var.R, test-cov.R, test-ci.auc.R and test-roc.test.R. R's expect_equal compares to a
    relative 1.5e-8 and the figures are printed to 15 digits, of which 13 are asked for here.
    """

    def test_variances_and_covariances_are_those_of_proc(self, asah):
        _, covariance = delong(*asah)
        wfns_s100b, wfns_ndka, s100b_ndka = 0.00119615567376754, -0.000532967856762438, -0.000756164938056579
        expected = [
            [0.00146991470882363, wfns_s100b, wfns_ndka],
            [wfns_s100b, 0.00266868245717244, s100b_ndka],
            [wfns_ndka, s100b_ndka, 0.0031908105493913],
        ]
        np.testing.assert_allclose(covariance, expected, rtol=1e-12)

    def test_auroc_and_interval_of_ndka_are_those_of_proc(self, asah):
        aurocs, covariance = delong(*asah)
        half = 1.959963984540054 * np.sqrt(covariance[2, 2])
        interval = [aurocs[2] - half, aurocs[2], aurocs[2] + half]
        np.testing.assert_allclose(
            interval, [0.501244999271703, 0.611957994579946, 0.722670989888189], rtol=1e-13
        )

    @pytest.mark.parametrize(
        ("first", "second", "z", "p_value", "interval"),
        [
            ("wfns", "s100b", 2.20898359144091, 0.0271757822291882, (0.0104061769564846, 0.174214419249478)),
            ("wfns", "ndka", 2.79777591868904, 0.00514557970691098, (0.0634011709339876, 0.3600405634833566)),
            (
                "ndka",
                "s100b",
                -1.39077002573558,
                0.164295175223054,
                (-0.2876917446341914, 0.0488706064228094),
            ),
        ],
    )
    def test_paired_tests_are_those_of_proc(self, asah, first, second, z, p_value, interval):
        scores, labels = asah
        test = delong_test(scores[MARKERS.index(first)], scores[MARKERS.index(second)], labels)
        assert test.z == pytest.approx(z, rel=1e-12)
        assert test.p_value == pytest.approx(p_value, rel=1e-12)
        half = 1.959963984540054 * test.standard_error
        assert (test.difference - half, test.difference + half) == pytest.approx(interval, rel=1e-12)


tied_scores = st.integers(0, 4).map(lambda x: x / 4) | st.floats(-2, 2)
many_rows = st.lists(st.tuples(tied_scores, tied_scores, st.integers(0, 1)), min_size=2, max_size=60)


@given(many_rows)
def test_aurocs_are_scikit_learns_under_ties(rows):
    first, second, labels = map(np.array, zip(*rows, strict=True))
    aurocs, _ = delong([first, second], labels)
    if len(set(labels)) < 2:
        assert np.isnan(aurocs).all()
    else:
        expected = [roc_auc_score(labels, first), roc_auc_score(labels, second)]
        np.testing.assert_allclose(aurocs, expected, atol=1e-12)


@given(many_rows)
def test_covariance_is_that_of_the_definition_over_all_pairs(rows):
    first, second, labels = map(np.array, zip(*rows, strict=True))
    scores, positive = np.stack([first, second]), labels == 1
    m, n = positive.sum(), (~positive).sum()
    _, covariance = delong(scores, labels)
    if m < 2 or n < 2:
        assert np.isnan(covariance).all()
        return
    x, y = scores[:, positive], scores[:, ~positive]
    psi = (x[:, :, None] > y[:, None, :]) + 0.5 * (x[:, :, None] == y[:, None, :])
    expected = np.cov(psi.mean(axis=2)) / m + np.cov(psi.mean(axis=1)) / n
    np.testing.assert_allclose(covariance, expected, atol=1e-12)


@pytest.mark.smoke
@pytest.mark.parametrize("spread", [1e-300, 1e-9, 1.0, 1e300])
def test_neither_scale_nor_monotone_transform_changes_anything(spread):
    rng = np.random.default_rng(5)
    labels = rng.integers(0, 2, 3000)
    scores = rng.normal(size=3000) + labels
    stretched = scores * spread
    aurocs, covariance = delong([scores, stretched, np.argsort(np.argsort(scores))], labels)
    assert aurocs == pytest.approx(np.full(3, roc_auc_score(labels, scores)), abs=1e-12)
    assert covariance == pytest.approx(np.full((3, 3), covariance[0, 0]), rel=1e-12)
    assert paired_test(aurocs, covariance) == (0.0, 0.0, 0.0, 1.0)


def test_perfectly_opposite_detectors_cannot_be_tested():
    labels = np.array([0, 0, 1, 1])
    test = delong_test(labels, 1 - labels, labels)
    assert test.difference == 1
    assert test.standard_error == 0
    assert np.isnan([test.z, test.p_value]).all()


def test_one_class_only_gives_nan_and_no_warning(recwarn):
    aurocs, covariance = delong([[0.1, 0.2], [0.3, 0.4]], [1, 1])
    assert np.isnan(aurocs).all()
    assert np.isnan(covariance).all()
    assert np.isnan(paired_test(aurocs, covariance)).all()
    assert not recwarn


def test_a_single_negative_has_an_auroc_but_no_variance():
    aurocs, covariance = delong([0.1, 0.2, 0.3], [0, 1, 1])
    assert aurocs == [1.0]
    assert np.isnan(covariance).all()


@pytest.mark.parametrize(
    ("scores", "labels", "message"),
    [
        ([[0.1, 0.2]], [1, 0, 1], "one label a row"),
        ([0.1, np.nan], [1, 0], "expected finite scores"),
        ([0.1, np.inf], [1, 0], "expected finite scores"),
        ([0.1, 0.2], [1, 2], "drop rows of unknown label"),
    ],
)
def test_bad_input_is_an_error_that_says_what_to_do(scores, labels, message):
    with pytest.raises(ValueError, match=message):
        delong(scores, labels)


def test_two_detectors_need_the_same_rows():
    with pytest.raises(ValueError, match="same rows"):
        delong_test([0.1, 0.2], [0.1, 0.2, 0.3], [0, 1])
