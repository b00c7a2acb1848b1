"""Ensembles of detectors, beside pandas with scikit-learn and effects of known size."""

from itertools import combinations
from statistics import NormalDist

import numpy as np
import pandas as pd
import pytest
from alignbench_auroc.ensembles import combine, ensembles
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score


def plainly(scores, labels, captioner, size, method):
    """Every subset's AUROC per captioner, as one would write it."""
    table = pd.DataFrame(scores)
    if method == "rank":
        table = table.rank() / len(table)
    rows = {}
    for members in combinations(scores, size):
        frame = pd.DataFrame({"s": table[list(members)].sum(axis=1), "y": labels, "c": captioner})
        rows[members] = {
            name: roc_auc_score(part["y"], part["s"]) if part["y"].nunique() == 2 else np.nan
            for name, part in frame.groupby("c")
        }
    return rows


def assert_equals_plain(scores, labels, captioner, size, method):
    results = ensembles(scores, labels, captioner, size=size, method=method)
    expected = plainly(scores, labels, captioner, size, method)
    assert [result.detectors for result in results] == list(expected)
    for result in results:
        assert result.auroc == pytest.approx(expected[result.detectors], abs=1e-12, nan_ok=True)


whole = st.integers(-3, 3).map(float)
tenths = st.integers(0, 10).map(lambda x: x / 10)
# Sums of these differ by less than a 31-bit level of the range.
crowded = st.integers(0, 6).map(lambda x: 1 - x * 2.0**-50) | st.sampled_from([0.0, 1.0])
number = st.sampled_from([whole, tenths, crowded, st.floats(-10, 10)])


@given(data=st.data(), method=st.sampled_from(["raw", "rank"]), size=st.integers(2, 3))
def test_every_subset_is_that_of_pandas_and_scikit_learn(data, method, size):
    rows = data.draw(st.integers(1, 40))
    column = st.lists(data.draw(number), min_size=rows, max_size=rows)
    scores = {name: data.draw(column) for name in ("a", "b", "c")}
    labels = data.draw(st.lists(st.integers(0, 1), min_size=rows, max_size=rows))
    captioner = data.draw(st.lists(st.sampled_from("xyz"), min_size=rows, max_size=rows))
    assert_equals_plain(scores, labels, captioner, size, method)


@pytest.mark.smoke
@pytest.mark.parametrize("kind", ["float", "0-100", "three decimals", "outlier"])
def test_many_rows_are_exact_with_and_without_ties(kind):
    rng = np.random.default_rng(3)
    labels = rng.integers(0, 2, 4000)
    latent = rng.normal(size=(3, 4000)) + 0.5 * labels
    made = {
        "float": latent,
        "0-100": np.rint(100 / (1 + np.exp(-latent))),
        "three decimals": np.round(1 / (1 + np.exp(-latent)), 3),
        "outlier": np.where(np.arange(4000) == 7, 1e5, latent),
    }[kind]
    captioner = rng.choice(["x", "y", "z"], 4000)
    assert_equals_plain(dict(zip("abc", made, strict=True)), labels, captioner, 2, "raw")


def test_z_scores_are_averaged_over_all_rows():
    rng = np.random.default_rng(4)
    labels, captioner = rng.integers(0, 2, 500), rng.choice(["x", "y"], 500)
    scores = {"a": rng.normal(50, 30, 500), "b": rng.random(500)}
    standard = {name: (column - column.mean()) / column.std() for name, column in scores.items()}
    assert ensembles(scores, labels, captioner, method="zscore") == ensembles(standard, labels, captioner)


def test_independent_detectors_gain_what_theory_says_and_copies_gain_nothing():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 100_000)
    captioner = np.repeat(["x", "y"], 50_000)
    a, b = rng.normal(size=(2, 100_000)) + labels
    independent, copy, _ = ensembles({"a": a, "b": b, "a2": a}, labels, captioner)
    phi = NormalDist().cdf
    # Two unit normals one apart: AUROC phi(1 / sqrt 2); their mean has a standard deviation of 1 / sqrt 2.
    assert independent.mean == pytest.approx(phi(1), abs=0.005)
    assert independent.mean_gain == pytest.approx(phi(1) - phi(0.5**0.5), abs=0.007)
    assert all(gain > 0.05 for gain in independent.gain.values())
    assert copy.mean_gain == 0
    assert set(copy.gain.values()) == {0.0}


def test_gain_is_over_the_member_that_is_best_on_the_captioner():
    labels, captioner = [0, 1, 0, 1], ["x", "x", "y", "y"]
    good_on_x, good_on_y = [0, 1, 5, 4], [1, 0, 2, 5]
    (result,) = ensembles({"a": good_on_x, "b": good_on_y}, labels, captioner)
    assert result.auroc == {"x": 0.5, "y": 1.0}
    assert result.gain == {"x": -0.5, "y": 0.0}
    assert result.mean == 0.75
    assert result.mean_gain == 0.25  # either member alone has 1 on one captioner and 0 on the other


def test_a_captioner_with_one_class_is_nan_and_left_out_of_the_mean(recwarn):
    (result,) = ensembles({"a": [0.5, 0.25, 1], "b": [0.25, 0.5, 1]}, [1, 0, 1], ["x", "x", "y"])
    assert np.isnan([result.auroc["y"], result.gain["y"]]).all()
    assert result.mean == result.auroc["x"] == 0.5
    assert not recwarn


def test_the_three_ways_to_average():
    scores = [[0, 10, 20, 20], [5, 5, 5, 5]]
    assert combine(scores).tolist() == [2.5, 7.5, 12.5, 12.5]
    assert combine(scores, "rank").tolist() == [(r / 4 + 2.5 / 4) / 2 for r in (1, 2, 3.5, 3.5)]
    # Mean 12.5, variance (12.5² + 2.5² + 7.5² + 7.5²) / 4 = 68.75; the constant detector adds nothing.
    assert combine(scores, "zscore") == pytest.approx(np.array([-12.5, -2.5, 7.5, 7.5]) / 68.75**0.5 / 2)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"scores": {"a": [1, 2], "b": [1]}}, "one entry a row"),
        ({"scores": {"a": [], "b": []}, "labels": [], "captioner": []}, "a row at least"),
        ({"scores": {"a": [1, np.nan], "b": [1, 2]}}, "got NaN or infinity from 'a'"),
        ({"labels": [1, 2]}, "drop unknown rows"),
        ({"size": 3}, "size from 2 to the number of detectors, 2, got 3"),
        ({"method": "median"}, 'expected method "raw", "zscore" or "rank"'),
    ],
)
def test_bad_input_is_an_error_that_says_what_to_do(change, message):
    arguments = {"scores": {"a": [1, 2], "b": [2, 1]}, "labels": [0, 1], "captioner": ["x", "x"], **change}
    with pytest.raises(ValueError, match=message):
        ensembles(**arguments)
