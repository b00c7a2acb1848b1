"""Analytic interval of AUROC for clustered data: sentences of one image go along together.

Obuchowski, Biometrics 53 (1997) 567-578: the sums of a cluster's placements take the part that single
placements have in DeLong's variance. The interval is built on the logit scale, where it stays within
[0, 1] (Pepe, *The Statistical Evaluation of Medical Tests*, 2003, section 5.2).
"""

from typing import NamedTuple

import numpy as np
from scipy.special import expit, logit, ndtri

from .grouped import Grouped


class Influence(NamedTuple):
    """How far each of i images moves the AUROC of each of g groups.

    `positive` and `negative` (g, i) are sums of the placements of its positives and negatives less the
    AUROC; `counts` (2, g, i) how many negatives and positives it has.
    """

    positive: np.ndarray
    negative: np.ndarray
    counts: np.ndarray


def influence(by_group: Grouped, image: np.ndarray, images: int) -> Influence:
    """Sums by group and image; `image` (n,) are codes from 0, below the number `images` i."""
    groups = by_group.groups
    cells = (by_group.positive * (groups + 1) + by_group.codes.astype(np.int64) + 1) * images + image
    size = 2 * images * (groups + 1)
    counts = np.bincount(cells, minlength=size).reshape(2, groups + 1, images)[:, 1:]
    sums = np.bincount(cells, by_group.won_pairs(), size).reshape(2, groups + 1, images)[:, 1:]
    with np.errstate(invalid="ignore", divide="ignore"):
        placements = sums / counts.sum(axis=2)[::-1, :, None]
    negative, positive = placements - counts * by_group.auroc[:, None]
    return Influence(positive, negative, counts)


def variances(found: Influence) -> np.ndarray:
    """Obuchowski's variance of each group's AUROC (g,); NaN if a class is on fewer than two images."""
    negatives, positives = found.counts.sum(axis=2)
    with_negative, with_positive = np.count_nonzero(found.counts, axis=2)
    images = np.count_nonzero(found.counts[0] + found.counts[1], axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        s10 = with_positive / (with_positive - 1) * (found.positive**2).sum(axis=1) / positives**2
        s01 = with_negative / (with_negative - 1) * (found.negative**2).sum(axis=1) / negatives**2
        s11 = images / (images - 1) * (found.positive * found.negative).sum(axis=1) / (positives * negatives)
        variance = s10 + s01 + 2 * s11
    variance[(with_negative < 2) | (with_positive < 2)] = np.nan
    return np.maximum(variance, 0)


def variance_of_mean(found: Influence) -> float:
    """Variance of the unweighted mean of the groups that have both classes; NaN if one of them has none.

    A picture that several captioners described links their AUROCs, so the covariances are the sums of
    products over images; the diagonal is that of `variances`.
    """
    own = variances(found)
    there = (found.counts.sum(axis=2) > 0).all(axis=0)
    if not there.any() or np.isnan(own[there]).any():
        return float("nan")
    shift = shifts(found)[there]
    images = np.count_nonzero(found.counts[:, there].any(axis=(0, 1)))
    across = (shift.sum(axis=0) ** 2).sum() - (shift**2).sum()
    total = own[there].sum() + across * images / (images - 1)
    return float(max(total, 0) / there.sum() ** 2)


def shifts(found: Influence) -> np.ndarray:
    """How far each image moves each group's AUROC, to first order (g, i); NaN if a class is missing."""
    negatives, positives = found.counts.sum(axis=2)[:, :, None]
    with np.errstate(invalid="ignore", divide="ignore"):
        return found.positive / positives + found.negative / negatives


def interval(auroc, variance, confidence: float = 0.95) -> tuple[np.ndarray, np.ndarray]:
    """Limits of `auroc` in [0, 1]; NaN where the variance is, or where an AUROC of 0 or 1 has none."""
    auroc, error = np.asarray(auroc, float), np.sqrt(variance)
    with np.errstate(invalid="ignore", divide="ignore"):
        step = ndtri((1 + confidence) / 2) * error / (auroc * (1 - auroc))
        low, high = expit(logit(auroc) - step), expit(logit(auroc) + step)
    flat = ~(error > 0)
    return np.where(flat, np.nan, low), np.where(flat, np.nan, high)
