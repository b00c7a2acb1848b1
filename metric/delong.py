"""DeLong's covariance of correlated AUROCs, by midranks in O(n log n) a detector.

References
----------
E. R. DeLong, D. M. DeLong and D. L. Clarke-Pearson (1988). Comparing the areas under two or more
correlated receiver operating characteristic curves: a nonparametric approach. Biometrics 44, 837-845.

X. Sun and W. Xu (2014). Fast implementation of DeLong's algorithm for comparing the areas under
correlated receiver operating characteristic curves. IEEE Signal Processing Letters 21, 1389-1393.
"""

import math
from typing import NamedTuple

import numpy as np


class DeLongTest(NamedTuple):
    """A paired test of two detectors' AUROCs on the same rows, all values on the 0-1 scale."""

    difference: float
    """AUROC of the first detector minus that of the second."""
    standard_error: float
    z: float
    p_value: float
    """Two-sided, from the standard normal distribution."""


def delong(scores, labels):
    """AUROCs of several detectors on the same rows, and their covariance matrix.

    The rows are taken as independent. Sentences about one picture are not: where that matters, use a
    cluster bootstrap, or the clustered form of this estimate (Obuchowski 1997).

    Parameters
    ----------
    scores : array of shape (k, n), or (n,) for one detector
        Finite; higher means more likely correct.
    labels : array of shape (n,)
        1 for correct (the positive class), 0 for incorrect. Drop unknown rows first.

    Returns
    -------
    aurocs : array of shape (k,)
        NaN where one class has no row.
    covariance : array of shape (k, k)
        ``S10 / m + S01 / n`` (DeLong et al. 1988, equations 4 to 6) with m positives and n negatives;
        NaN where one class has fewer than two rows.

    Raises
    ------
    ValueError
        Shapes that do not fit, a score that is not finite, or a label other than 0 and 1.
    """
    scores, positive = _checked(scores, labels)
    k, m = len(scores), int(positive.sum())
    n = positive.size - m
    if m == 0 or n == 0:
        return np.full(k, np.nan), np.full((k, k), np.nan)
    positives_first = np.argsort(~positive, kind="stable")
    placements = np.empty(scores.shape)
    for row, detector in zip(placements, scores, strict=True):
        _place(detector[positives_first], m, row)
    aurocs = placements[:, :m].mean(axis=1)
    if m < 2 or n < 2:
        return aurocs, np.full((k, k), np.nan)
    return aurocs, _covariance_of_mean(placements[:, :m]) + _covariance_of_mean(placements[:, m:])


def delong_test(scores_a, scores_b, labels):
    """DeLong's test of detector a against detector b, scored on the same rows.

    Parameters and errors are those of :func:`delong`, with scores of shape (n,).
    """
    scores_a, scores_b = np.asarray(scores_a), np.asarray(scores_b)
    if scores_a.shape != scores_b.shape:
        raise ValueError(
            f"expected both detectors' scores for the same rows, got shapes {scores_a.shape} and "
            f"{scores_b.shape}; give both in the order of the labels"
        )
    return paired_test(*delong(np.stack([scores_a, scores_b]), labels))


def paired_test(aurocs, covariance, first=0, second=1):
    """The test of two of the detectors that :func:`delong` was given, by their places there.

    Two detectors that rank all rows alike have no difference and no standard error: z is 0 and p is 1.
    A difference without a standard error (AUROC 1 against AUROC 0, say) cannot be tested: z and p
    are NaN, as they are where an AUROC or its variance is.
    """
    difference = float(aurocs[first] - aurocs[second])
    variances = float(covariance[first, first] + covariance[second, second])
    variance = variances - 2 * float(covariance[first, second])
    if variance <= 1e-12 * variances:  # what rounding leaves of an exact zero
        z = 0.0 if abs(difference) < 1e-12 else math.nan
        return DeLongTest(difference, 0.0, z, math.nan if math.isnan(z) else 1.0)
    standard_error = math.sqrt(variance)
    z = difference / standard_error
    return DeLongTest(difference, standard_error, z, math.erfc(abs(z) / math.sqrt(2)))


def _checked(scores, labels):
    scores, labels = np.atleast_2d(np.asarray(scores, dtype=np.float64)), np.asarray(labels)
    if scores.ndim != 2 or labels.ndim != 1 or scores.shape[1] != labels.size:
        raise ValueError(
            f"expected scores of shape (detectors, rows) and one label a row, got {scores.shape} and "
            f"{labels.shape}"
        )
    if not np.isfinite(scores).all():
        raise ValueError("expected finite scores, got NaN or infinity; drop or fill missing scores first")
    if not np.isin(labels, (0, 1)).all():
        raise ValueError(
            f"expected labels 1 (correct) and 0 (incorrect), got {np.unique(labels)[:5]}; "
            "drop rows of unknown label first"
        )
    return scores, labels.astype(bool)


def _place(scores, m, out):
    """Write each row's placement: the share of the other class on its right side, ties half.

    The first m rows are the positives. A positive's placement (V10 in the 1988 paper) is the share of
    negatives below it; a negative's (V01) the share of positives above it. Either mean is the AUROC.
    """
    levels, count = _levels(scores)
    positives = np.bincount(levels[:m], minlength=count)
    negatives = np.bincount(levels[m:], minlength=count)
    negatives_below = np.cumsum(negatives) - negatives / 2
    positives_above = m - np.cumsum(positives) + positives / 2
    out[:m] = (negatives_below / (scores.size - m))[levels[:m]]
    out[m:] = (positives_above / m)[levels[m:]]


def _levels(scores):
    """Each score's place among the levels in ascending order, and the number of levels.

    Whole numbers over a small range need no sort: every number of the range is a level.
    """
    low = scores.min()
    if scores.max() < low + scores.size:
        levels = (scores - low).astype(np.intp)
        if np.array_equal(levels + low, scores):
            return levels, int(levels.max()) + 1
    order = _argsort(scores)
    ranked = scores[order]
    levels = np.empty(scores.size, dtype=np.intp)
    levels[order[0]] = 0
    levels[order[1:]] = np.cumsum(ranked[1:] != ranked[:-1])
    return levels, int(levels[order[-1]]) + 1


def _argsort(scores):
    """A sorting order of distinct-valued scores, in half of np.argsort's time at 10^5 rows.

    Two radix passes over a 32-bit copy bring the scores nearly into order, and timsort, linear on what
    is nearly sorted, makes it exact.
    """
    low = scores.min()
    with np.errstate(over="ignore"):
        scale = (2.0**32 - 1) / (scores.max() - low)
    if not 0 < scale < np.inf:
        return np.argsort(scores)
    keys = ((scores - low) * scale).astype(np.uint32)
    order = np.argsort(keys.astype(np.uint16), kind="stable")
    order = order[np.argsort((keys >> 16).astype(np.uint16)[order], kind="stable")]
    return order[np.argsort(scores[order], kind="stable")]


def _covariance_of_mean(placements):
    """The covariance matrix of the rows' means, from shape (k, count)."""
    count = placements.shape[1]
    centred = placements - placements.mean(axis=1, keepdims=True)
    return centred @ centred.T / (count * (count - 1))
