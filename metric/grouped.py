"""AUROC of every group of rows at once, from one sort of the scores."""

from typing import NamedTuple

import numpy as np

from .ranking import small_integers

# A table of counts (group x score x class) is faster than sorting while it is not larger than the data.
CELLS_PER_ROW = 2


class Ranks(NamedTuple):
    """Rows of one detector by score: dense rank `level` (n,) from 0 into the ascending `values`."""

    level: np.ndarray
    values: np.ndarray
    order: np.ndarray | None  # rows by score; None if levels are whole-number scores, which need no sort


class GroupTable(NamedTuple):
    """For each of g groups: AUROC within it (NaN with one class), sizes and mean scores by class."""

    auroc: np.ndarray
    positives: np.ndarray
    negatives: np.ndarray
    positive_mean: np.ndarray
    negative_mean: np.ndarray


def rank(scores: np.ndarray) -> Ranks:
    """Dense ranks of `scores` (n,) float64 without NaN; equal scores share one."""
    codes = small_integers(scores)
    if codes is not None:
        return Ranks(codes, scores.min() + np.arange(int(codes.max()) + 1), None)
    order = np.argsort(scores)
    ascending = scores[order]
    new = np.ones(len(scores), bool)
    np.not_equal(ascending[1:], ascending[:-1], out=new[1:])
    level = np.empty(len(scores), np.int64)
    level[order] = np.cumsum(new) - 1
    return Ranks(level, ascending[new], order)


def group_table(ranks: Ranks, positive: np.ndarray, codes: np.ndarray, groups: int) -> GroupTable:
    """AUROC, sizes and mean scores of `groups` groups; rows with code -1 belong to none.

    Args:
        ranks: of the scores.
        positive: (n,) bool.
        codes: (n,) group of each row, -1 <= code < groups.
        groups: number of groups g.
    """
    if _tabulates(ranks, groups):
        counts = _counts(ranks, positive, codes, groups)
        sizes = counts.sum(axis=1)
        wins = np.einsum("gl,gl->g", counts[:, :, 1], _midpoints(counts[:, :, 0]))
        sums = np.einsum("glc,l->gc", counts, ranks.values)
    else:
        cells = 2 * codes + positive + 2
        sizes = np.bincount(cells, minlength=2 * groups + 2)[2:].reshape(groups, 2)
        sums = np.bincount(cells, ranks.values[ranks.level], 2 * groups + 2)[2:].reshape(groups, 2)
        rows, below = _negatives_below(ranks, positive, codes)
        winners = positive[rows]
        wins = np.bincount(codes[rows[winners]], below[winners], groups) - _before(sizes[:, 0]) * sizes[:, 1]
    negatives, positives = sizes.T
    with np.errstate(invalid="ignore", divide="ignore"):
        means = sums / sizes
        return GroupTable(wins / (positives * negatives), positives, negatives, means[:, 1], means[:, 0])


def placements(ranks: Ranks, positive: np.ndarray, codes: np.ndarray, groups: int) -> np.ndarray:
    """Placement of each row in its group (n,): the share of the other class that it is on the right side of.

    For a positive, negatives below it; for a negative, positives above it; ties count half. The mean over
    a group's positives, and over its negatives, is its AUROC (DeLong et al. 1988). NaN where the group
    has one class, or the row no group.
    """
    if _tabulates(ranks, groups):
        counts = _counts(ranks, positive, codes, groups)
        sizes = counts.sum(axis=1)
        table = np.stack((sizes[:, 1:] - _midpoints(counts[:, :, 1]), _midpoints(counts[:, :, 0])), axis=-1)
        with np.errstate(invalid="ignore", divide="ignore"):
            table /= sizes[:, None, ::-1]
        found = table.reshape(-1)[(codes * len(ranks.values) + ranks.level) * 2 + positive]
        return found if codes.min(initial=0) >= 0 else np.where(codes >= 0, found, np.nan)
    sizes = np.bincount(2 * codes + positive + 2, minlength=2 * groups + 2)[2:].reshape(groups, 2)
    rows, below, at_or_below = _negatives_below(ranks, positive, codes, both=True)
    group, mine = codes[rows], positive[rows]
    start = _before(sizes.sum(axis=1))[group]
    negatives_below = below - _before(sizes[:, 0])[group]
    positives_below = at_or_below - start - negatives_below
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.where(
            mine, negatives_below / sizes[group, 0], (sizes[group, 1] - positives_below) / sizes[group, 1]
        )
    out = np.full(len(positive), np.nan)
    out[rows] = share
    return out


def _tabulates(ranks: Ranks, groups: int) -> bool:
    return 2 * groups * len(ranks.values) <= max(CELLS_PER_ROW * len(ranks.level), 1 << 12)


def _counts(ranks: Ranks, positive: np.ndarray, codes: np.ndarray, groups: int) -> np.ndarray:
    """Rows by group, level and class: (g, l, 2)."""
    width = 2 * len(ranks.values)
    cells = codes * width + 2 * ranks.level + positive + width
    return np.bincount(cells, minlength=(groups + 1) * width)[width:].reshape(groups, -1, 2)


def _midpoints(counts: np.ndarray) -> np.ndarray:
    """Number of rows below each level, plus half of those at it: (g, l)."""
    return np.cumsum(counts, axis=1) - counts / 2


def sorted_rows(ranks: Ranks, codes: np.ndarray) -> np.ndarray:
    """Rows by group and, within it, score; those without a group (code -1) are left out."""
    groups, levels = int(codes.max(initial=-1)) + 1, len(ranks.values)
    if ranks.order is None and (groups + 1) * levels < 2**15:
        # 8 and 16 bits are sorted by radix, so both keys go into one.
        keys = (codes * levels + ranks.level).astype(np.int16)
        rows = np.argsort(keys, kind="stable")
        return rows[np.count_nonzero(codes < 0) :]
    order = np.argsort(ranks.level, kind="stable") if ranks.order is None else ranks.order
    if groups <= 1 and codes.min(initial=0) >= 0:
        return order
    small = np.int8 if groups < 2**7 else np.int16 if groups < 2**15 else np.int64
    grouped = codes.astype(small)[order]
    return order[np.argsort(grouped, kind="stable")][np.count_nonzero(grouped < 0) :]


def _negatives_below(ranks: Ranks, positive: np.ndarray, codes: np.ndarray, both: bool = False):
    """Rows by group and score, and for each the number of negatives before it, tied ones counting half.

    The number runs on from group to group. With `both` also the same count of all rows.
    """
    rows = sorted_rows(ranks, codes)
    level, group = ranks.level[rows], codes[rows]
    new = np.ones(len(rows) + 1, bool)
    new[1:-1] = (level[1:] != level[:-1]) | (group[1:] != group[:-1])
    edges = np.flatnonzero(new)
    run = np.cumsum(new[:-1]) - 1
    negatives = np.concatenate(([0], np.cumsum(~positive[rows])))[edges]
    below = ((negatives[1:] + negatives[:-1]) / 2)[run]
    if not both:
        return rows, below
    return rows, below, ((edges[1:] + edges[:-1]) / 2)[run]


def _before(sizes: np.ndarray) -> np.ndarray:
    return np.cumsum(sizes) - sizes
