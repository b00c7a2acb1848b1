"""Groups of rows (captioners, positions, domains) ranked all at once, from one sort of the scores."""

from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from .ranking import Levels, small_integers


class Ranks(NamedTuple):
    """Dense rank `level` (n,) from 0 of each row's score, an index into the ascending `values`.

    `ordered` says whether the rows stand in the order of their scores; whole numbers need no sort.
    """

    level: np.ndarray
    values: np.ndarray
    ordered: bool


class GroupTable(NamedTuple):
    """For each of g groups: AUROC within it (NaN with one class), sizes and mean scores by class.

    `positives_scored` and `negatives_scored` are how many of them the means are of: those with a score of
    their own.
    """

    auroc: np.ndarray
    positives: np.ndarray
    negatives: np.ndarray
    positive_mean: np.ndarray
    negative_mean: np.ndarray
    positives_scored: np.ndarray
    negatives_scored: np.ndarray


def rank(scores: np.ndarray) -> tuple[np.ndarray | None, Ranks]:
    """Order (n,) that puts `scores` (float64, no NaN) in ascending order, and the ranks in that order.

    The order is None where the rows may stay as they are.
    """
    codes = small_integers(scores)
    if codes is not None:
        return None, Ranks(codes, scores.min() + np.arange(int(codes.max()) + 1), False)
    order = np.argsort(scores)
    ascending = scores[order]
    new = np.ones(len(scores), bool)
    np.not_equal(ascending[1:], ascending[:-1], out=new[1:])
    return order, Ranks(np.cumsum(new, dtype=np.int32) - 1, ascending[new], True)


def sorted_rows(ranks: Ranks, codes: np.ndarray, groups: int) -> np.ndarray | slice:
    """Rows (an index) by group and, within it, score; those without a group (code -1) are left out."""
    outside = int(np.count_nonzero(codes < 0))
    if ranks.ordered:
        if groups == 1 and not outside:
            return slice(None)
        small = np.int8 if groups < 2**7 else np.int16 if groups < 2**15 else np.int64
        return np.argsort(codes.astype(small), kind="stable")[outside:]  # radix for 8 and 16 bits
    levels = len(ranks.values)
    keys = codes.astype(np.int64) * levels + ranks.level
    if (groups + 1) * levels < 2**15:
        keys = keys.astype(np.int16)
    return np.argsort(keys, kind="stable")[outside:]


def runs(level: np.ndarray, group: np.ndarray) -> np.ndarray:
    """Edges (r + 1,) of the runs of rows that share level and group."""
    new = np.ones(len(level) + 1, bool)
    new[1:-1] = (level[1:] != level[:-1]) | (group[1:] != group[:-1])
    return np.flatnonzero(new) if len(level) else np.zeros(1, np.int64)


def grouped(ranks: Ranks, positive: np.ndarray, codes: np.ndarray, groups: int) -> "Grouped":
    """Rank the rows within groups: by a table of counts (group x score x class) while that is small.

    Args:
        ranks: of the scores.
        positive: (n,) bool.
        codes: (n,) group of each row, -1 (none) <= code < groups.
        groups: number of groups g.
    """
    cells_per_row = 1 / 4 if ranks.ordered else 2
    small = 2 * groups * len(ranks.values) <= max(cells_per_row * len(ranks.level), 1 << 12)
    return (Tabulated if small else Sorted)(ranks, positive, codes, groups)


class Grouped:
    """Rows ranked within groups; how, the two subclasses decide."""

    wins: np.ndarray
    """Twice the pairs (g,) of a positive and a negative that are in the right order, ties counting half."""

    def __init__(self, ranks: Ranks, positive: np.ndarray, codes: np.ndarray, groups: int):
        self.ranks, self.positive, self.codes, self.groups = ranks, positive, codes, groups
        self._prepare()

    def _prepare(self) -> None:
        raise NotImplementedError

    def levels(self) -> list[Levels]:
        """The `ranking.Levels` of every group."""
        raise NotImplementedError

    def won_pairs(self) -> np.ndarray:
        """Rows of the other class that each row is on the right side of within its group (n,).

        For a positive, negatives below it; for a negative, positives above it; ties count half. Divided by
        the size of the other class it is the row's placement, whose mean over a class is the AUROC (DeLong
        et al. 1988); undivided, sums over rows are exact and do not depend on their order. 0 without a group.
        """
        raise NotImplementedError

    @cached_property
    def sizes(self) -> np.ndarray:
        """Number of negatives and of positives (g, 2)."""
        return self._by_class(np.bincount(self._cells(), minlength=self._size))

    @property
    def auroc(self) -> np.ndarray:
        """AUROC of each group (g,); NaN with one class."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return self.wins / (2 * self.sizes[:, 0] * self.sizes[:, 1])

    def table(self, absent: np.ndarray | None = None) -> GroupTable:
        """AUROC, sizes and mean scores; `absent` (n,) marks stand-in scores that must not enter the means."""
        if absent is None:
            present, sums = self.sizes, self._sums()
        else:
            cells = np.where(absent, 0, self._cells())
            present, sums = self._by_class(np.bincount(cells, minlength=self._size)), self._sums(cells)
        with np.errstate(invalid="ignore", divide="ignore"):
            means = sums / present
        (negatives, positives), (low, high), (few, many) = self.sizes.T, means.T, present.T
        return GroupTable(self.auroc, positives, negatives, high, low, many, few)

    def _sums(self, cells: np.ndarray | None = None) -> np.ndarray:
        """Sums of the scores (g, 2), added up in their order, so that the order of the rows does not show."""
        cells = self._cells() if cells is None else cells
        return self._by_class(np.bincount(cells, self.ranks.values[self.ranks.level], self._size))

    @property
    def _size(self) -> int:
        return 2 * self.groups + 2

    def _cells(self) -> np.ndarray:
        """Group and class of each row, those without a group in the first two cells."""
        return 2 * self.codes + self.positive + 2

    def _by_class(self, sums: np.ndarray) -> np.ndarray:
        return sums[2:].reshape(self.groups, 2)


class Tabulated(Grouped):
    """Few distinct scores: a table of counts by group, level and class (g, l, 2)."""

    def _prepare(self) -> None:
        width = 2 * len(self.ranks.values)
        cells = self.codes * width + 2 * self.ranks.level + self.positive + width
        counts = np.bincount(cells, minlength=(self.groups + 1) * width)[width:]
        self.counts = counts.reshape(self.groups, len(self.ranks.values), 2)
        self.below = 2 * np.cumsum(self.counts, axis=1) - self.counts  # twice, ties once
        self.wins = (self.counts[:, :, 1] * self.below[:, :, 0]).sum(axis=1)

    @cached_property
    def sizes(self) -> np.ndarray:
        return self.counts.sum(axis=1)

    def levels(self) -> list[Levels]:
        there = [np.flatnonzero(each.any(axis=1)) for each in self.counts]
        return [
            Levels(self.ranks.values[kept], each[kept, 1], each[kept, 0])
            for each, kept in zip(self.counts, there, strict=True)
        ]

    def won_pairs(self) -> np.ndarray:
        table = np.stack((2 * self.sizes[:, 1:] - self.below[:, :, 1], self.below[:, :, 0]), axis=-1) / 2
        # Rows without a group look up the last entry.
        table = np.append(table.reshape(-1), 0.0)
        cells = (self.codes * len(self.ranks.values) + self.ranks.level) * 2 + self.positive
        return table[cells if self.codes.min(initial=0) >= 0 else np.where(self.codes >= 0, cells, -1)]

    def _sums(self, cells: np.ndarray | None = None) -> np.ndarray:
        if cells is not None:
            return super()._sums(cells)
        return np.einsum("glc,l->gc", self.counts, self.ranks.values)


class Sorted(Grouped):
    """Many distinct scores: rows by group and score, in runs of equal ones."""

    def _prepare(self) -> None:
        self.rows = sorted_rows(self.ranks, self.codes, self.groups)
        level, group = self.ranks.level[self.rows], self.codes[self.rows]
        self.edges = runs(level, group)
        found = np.zeros(len(level) + 1, np.int32)
        np.cumsum(self.positive[self.rows], out=found[1:])
        found = found[self.edges]
        self.hits = np.diff(found)
        self.misses = np.diff(self.edges) - self.hits
        self.before = self.edges[:-1] - found[:-1]  # negatives of this and all earlier groups
        group_ends = np.cumsum(self.sizes.sum(axis=1))
        self.ends = np.concatenate(([0], np.searchsorted(self.edges, group_ends)))
        self.starts = np.cumsum(self.sizes[:, 0]) - self.sizes[:, 0]
        wins = np.zeros(len(self.hits) + 1, np.int64)
        np.cumsum(self.hits * (2 * self.before + self.misses), out=wins[1:])
        self.wins = np.diff(wins[self.ends]) - 2 * self.starts * self.sizes[:, 1]

    def levels(self) -> list[Levels]:
        scores = self.ranks.values[self.ranks.level[self.rows][self.edges[:-1]]]
        return [
            Levels(scores[start:stop], self.hits[start:stop], self.misses[start:stop])
            for start, stop in pairwise(self.ends)
        ]

    def won_pairs(self) -> np.ndarray:
        length, in_group = np.diff(self.edges), np.diff(self.ends)
        negatives = self.before - np.repeat(self.starts, in_group) + self.misses / 2
        hits = np.cumsum(self.hits, dtype=np.int64)
        above = np.repeat(np.cumsum(self.sizes[:, 1]), in_group) - hits + self.hits / 2
        out = np.zeros(len(self.positive))
        out[self.rows] = np.where(
            self.positive[self.rows], np.repeat(negatives, length), np.repeat(above, length)
        )
        return out
