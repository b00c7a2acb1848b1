"""AUROC of every group of rows at once, from one sort of the scores."""

from itertools import pairwise
from typing import NamedTuple

import numpy as np

from .ranking import Levels, small_integers

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


def group_table(
    ranks: Ranks, positive: np.ndarray, codes: np.ndarray, groups: int, absent: np.ndarray | None = None
) -> GroupTable:
    """AUROC, sizes and mean scores of `groups` groups; rows with code -1 belong to none.

    Args:
        ranks: of the scores.
        positive: (n,) bool.
        codes: (n,) group of each row, -1 <= code < groups.
        groups: number of groups g.
        absent: (n,) True where a row's score is a stand-in that must not enter the means.
    """
    if _tabulates(ranks, groups):
        counts = _counts(ranks, positive, codes, groups)
        sizes = counts.sum(axis=1)
        wins = np.einsum("gl,gl->g", counts[:, :, 1], _midpoints(counts[:, :, 0]))
        sums = np.einsum("glc,l->gc", counts, ranks.values)
    else:
        sizes = class_sizes(positive, codes, groups)
        sums = score_sums(ranks, 2 * codes + positive + 2, 2 * groups + 2)[2:].reshape(groups, 2)
        rows, below = _negatives_below(ranks, positive, codes)
        winners = positive[rows]
        wins = np.bincount(codes[rows[winners]], below[winners], groups) - _before(sizes[:, 0]) * sizes[:, 1]
    negatives, positives = sizes.T
    present = sizes
    if absent is not None:
        cells = np.where(absent, 0, 2 * codes + positive + 2)
        present = np.bincount(cells, minlength=2 * groups + 2)[2:].reshape(groups, 2)
        sums = score_sums(ranks, cells, 2 * groups + 2)[2:].reshape(groups, 2)
    with np.errstate(invalid="ignore", divide="ignore"):
        means = sums / present
        return GroupTable(wins / (positives * negatives), positives, negatives, means[:, 1], means[:, 0])


def group_levels(ranks: Ranks, positive: np.ndarray, codes: np.ndarray, groups: int) -> list[Levels]:
    """The `ranking.Levels` of every group."""
    if _tabulates(ranks, groups):
        counts = _counts(ranks, positive, codes, groups)
        there = [np.flatnonzero(each.any(axis=1)) for each in counts]
        return [
            Levels(ranks.values[kept], each[kept, 1], each[kept, 0])
            for each, kept in zip(counts, there, strict=True)
        ]
    rows = sorted_rows(ranks, codes)
    level, group = ranks.level[rows], codes[rows]
    edges, positives = runs(level, group), np.concatenate(([0], np.cumsum(positive[rows])))
    hits = np.diff(positives[edges])
    misses = np.diff(edges) - hits
    values, ends = ranks.values[level[edges[:-1]]], np.searchsorted(group[edges[:-1]], np.arange(groups + 1))
    return [
        Levels(values[start:stop], hits[start:stop], misses[start:stop]) for start, stop in pairwise(ends)
    ]


def won_pairs(ranks: Ranks, positive: np.ndarray, codes: np.ndarray, groups: int) -> np.ndarray:
    """Rows of the other class that each row is on the right side of within its group (n,).

    For a positive, negatives below it; for a negative, positives above it; ties count half. Divided by the
    size of the other class it is the row's placement, whose mean over a class is the AUROC (DeLong et al.
    1988); undivided, sums over rows are exact and do not depend on their order. 0 without a group.
    """
    if _tabulates(ranks, groups):
        counts = _counts(ranks, positive, codes, groups)
        sizes = counts.sum(axis=1)
        table = np.stack((sizes[:, 1:] - _midpoints(counts[:, :, 1]), _midpoints(counts[:, :, 0])), axis=-1)
        # An absent group is the last entry, which nobody else looks up.
        table = np.append(table.reshape(-1), 0.0)
        cells = (codes * len(ranks.values) + ranks.level) * 2 + positive
        return table[cells if codes.min(initial=0) >= 0 else np.where(codes >= 0, cells, -1)]
    sizes = class_sizes(positive, codes, groups)
    rows, below, at_or_below = _negatives_below(ranks, positive, codes, both=True)
    group = codes[rows]
    negatives_below = below - _before(sizes[:, 0])[group]
    positives_below = at_or_below - _before(sizes.sum(axis=1))[group] - negatives_below
    out = np.zeros(len(positive))
    out[rows] = np.where(positive[rows], negatives_below, sizes[group, 1] - positives_below)
    return out


def class_sizes(positive: np.ndarray, codes: np.ndarray, groups: int) -> np.ndarray:
    """Number of negatives and of positives (g, 2) in each group."""
    return np.bincount(2 * codes + positive + 2, minlength=2 * groups + 2)[2:].reshape(groups, 2)


def score_sums(ranks: Ranks, cells: np.ndarray, size: int) -> np.ndarray:
    """Sum of the scores in each cell (size,); `cells` (n,) are at least 0.

    Added up in the order of the scores, so that the order of the rows does not show in the last digit.
    """
    if ranks.order is None:  # whole numbers add up exactly
        return np.bincount(cells, ranks.values[ranks.level], size)
    return np.bincount(cells[ranks.order], ranks.values[ranks.level[ranks.order]], size)


def _tabulates(ranks: Ranks, groups: int) -> bool:
    return 2 * groups * len(ranks.values) <= max(CELLS_PER_ROW * len(ranks.level), 1 << 12)


def _counts(ranks: Ranks, positive: np.ndarray, codes: np.ndarray, groups: int) -> np.ndarray:
    """Rows by group, level and class: (g, l, 2)."""
    width = 2 * len(ranks.values)
    cells = codes * width + 2 * ranks.level + positive + width
    return np.bincount(cells, minlength=(groups + 1) * width)[width:].reshape(groups, len(ranks.values), 2)


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
    edges = runs(ranks.level[rows], codes[rows])
    run = np.repeat(np.arange(len(edges) - 1), np.diff(edges))
    negatives = np.concatenate(([0], np.cumsum(~positive[rows])))[edges]
    below = ((negatives[1:] + negatives[:-1]) / 2)[run]
    if not both:
        return rows, below
    return rows, below, ((edges[1:] + edges[:-1]) / 2)[run]


def runs(level: np.ndarray, group: np.ndarray) -> np.ndarray:
    """Edges (r + 1,) of the runs of rows that share level and group."""
    new = np.ones(len(level) + 1, bool)
    new[1:-1] = (level[1:] != level[:-1]) | (group[1:] != group[:-1])
    return np.flatnonzero(new) if len(level) else np.zeros(1, np.int64)


def _before(sizes: np.ndarray) -> np.ndarray:
    return np.cumsum(sizes) - sizes
