"""Ensembles of detectors: the mean of their scores, and what it gains over the better member."""

import itertools
from typing import NamedTuple

import numpy as np
from scipy.stats import rankdata

from .ranking import auroc

MAX_WIDTH = 1 << 12
TABLE_BITS = (1 << 18) - 1


class Ensemble(NamedTuple):
    """One ensemble, all values on the 0-1 scale; NaN where a captioner has one class only."""

    detectors: tuple[str, ...]
    auroc: dict[str, float]
    """Per captioner."""
    mean: float
    """Unweighted mean over captioners."""
    gain: dict[str, float]
    """Per captioner, over the member that is best on this captioner (as the paper's table)."""
    mean_gain: float
    """`mean` less the highest mean of a member."""


def normalize(scores, method="raw"):
    """Scores of shape (..., n) made ready for averaging, each detector over all its n rows.

    "raw" leaves them, "zscore" subtracts the mean and divides by the standard deviation (of the
    population; a constant detector becomes 0), "rank" takes midranks in (0, 1].
    """
    scores = np.asarray(scores, dtype=np.float64)
    if method == "raw":
        return scores
    if method == "rank":
        return rankdata(scores, axis=-1) / scores.shape[-1]
    if method == "zscore":
        centred = scores - scores.mean(axis=-1, keepdims=True)
        deviation = scores.std(axis=-1, keepdims=True)
        return np.divide(centred, deviation, out=np.zeros_like(centred), where=deviation > 0)
    raise ValueError(f'expected method "raw", "zscore" or "rank", got {method!r}')


def combine(scores, method="raw"):
    """The ensemble's scores (n,): the mean over detectors of the normalized scores (k, n)."""
    return normalize(scores, method).mean(axis=0)


def ensembles(scores, labels, captioner, *, size=2, method="raw"):
    """Every ensemble of `size` of the given detectors, in the order of `itertools.combinations`.

    Parameters
    ----------
    scores : dict of str to array of shape (n,)
        Each detector's finite scores; higher means more likely correct.
    labels : array of shape (n,)
        1 for correct (the positive class), 0 for incorrect. Drop unknown rows first.
    captioner : sequence of n str
    size : int
        Members of an ensemble, from 2 to the number of detectors.
    method : "raw", "zscore" or "rank"
        See :func:`normalize`.

    Returns
    -------
    list of Ensemble

    Raises
    ------
    ValueError
        Lengths that differ, no row, a score that is not finite, a label other than 0 and 1, or a size
        or method that does not exist.
    """
    names, matrix, labels, captioner = _checked(scores, labels, captioner, size)
    order = np.argsort(captioner, kind="stable")
    captioner = captioner[order]
    starts = np.flatnonzero(np.concatenate(([True], captioner[1:] != captioner[:-1])))
    captioners = captioner[starts].tolist()
    matrix = np.stack([normalize(row, method)[order] for row in matrix])
    sums = _sums(matrix, labels[order].astype(bool), starts, size)
    single = np.array([sums.aurocs(sums.base + row) for row in sums.matrix])
    single_mean = _mean(single)
    results = []
    for members, values in _each_subset(sums, size):
        gains = values - single[members].max(axis=0)
        mean = float(_mean(values))
        results.append(
            Ensemble(
                tuple(names[i] for i in members),
                dict(zip(captioners, values.tolist(), strict=True)),
                mean,
                dict(zip(captioners, gains.tolist(), strict=True)),
                mean - float(single_mean[members].max()),
            )
        )
    return results


def _each_subset(sums, size):
    """Members and AUROCs of every subset; those that differ in the last member share a partial sum."""
    subsets = itertools.combinations(range(len(sums.matrix)), size)
    for first, group in itertools.groupby(subsets, key=lambda members: members[:-1]):
        partial = sum((sums.matrix[i] for i in first), start=sums.base)
        for members in group:
            yield list(members), sums.aurocs(partial + sums.matrix[members[-1]])


def _checked(scores, labels, captioner, size):
    names = list(scores)
    if not 2 <= size <= len(names):
        raise ValueError(f"expected a size from 2 to the number of detectors, {len(names)}, got {size}")
    labels, captioner = np.asarray(labels), np.asarray(captioner)
    columns = {name: np.asarray(values, dtype=np.float64) for name, values in scores.items()}
    shapes = {name: column.shape for name, column in columns.items()}
    shapes |= {"labels": labels.shape, "captioner": captioner.shape}
    if len(set(shapes.values())) > 1 or labels.ndim != 1 or not labels.size:
        raise ValueError(f"expected one entry a row in every column, and a row at least, got shapes {shapes}")
    for name, column in columns.items():
        if not np.isfinite(column).all():
            raise ValueError(f"expected finite scores, got NaN or infinity from {name!r}; fill or drop them")
    if not np.isin(labels, (0, 1)).all():
        raise ValueError(f"expected labels 0 and 1, got {np.unique(labels)[:5]}; drop unknown rows first")
    return names, np.array(list(columns.values())), labels, captioner


def _sums(matrix, positive, starts, size):
    """The way to the AUROCs of sums of the matrix's rows: small whole numbers are counted, others sorted.

    The columns are grouped by captioner, of whom each has its first at `starts`.
    """
    width = np.sort(np.ptp(matrix, axis=1))[-size:].sum() + 1
    if width <= MAX_WIDTH and all((row == np.rint(row)).all() for row in matrix):
        return _CountedSums(matrix, positive, starts, int(width))
    return _SortedSums(matrix, positive, starts)


class _CountedSums:
    """AUROCs of sums of whole numbers from 0, from a table of counts by captioner, class and sum."""

    def __init__(self, matrix, positive, starts, width):
        self.shape = (len(starts), 2, width)
        cell = np.min_scalar_type(np.prod(self.shape))  # the smallest: adding is bound by memory
        self.matrix = np.stack([(row - row.min()).astype(cell) for row in matrix])
        self.base = ((2 * _captioner_of(starts, positive.size) + positive) * width).astype(cell)

    def aurocs(self, cells):
        table = np.bincount(cells, minlength=np.prod(self.shape)).reshape(self.shape)
        negative, positive = table[:, 0], table[:, 1]
        below = np.cumsum(negative, axis=1) - negative
        wins = (positive * (2 * below + negative)).sum(axis=1)
        pairs = 2 * positive.sum(axis=1) * negative.sum(axis=1)
        return np.divide(wins, pairs, out=np.full(len(pairs), np.nan), where=pairs > 0)


class _SortedSums:
    """AUROCs of sums of any numbers, sorted as 31-bit levels with the class in the lowest bit.

    Sorting 32-bit values takes half the time of 64-bit ones. Where both classes share a level, the
    rows there are put right from the sums themselves.
    """

    base = 0.0

    def __init__(self, matrix, positive, starts):
        self.matrix, self.positive, self.starts = matrix, positive, starts
        self.bit = positive.astype(np.uint32)
        self.parts = list(itertools.pairwise([*starts.tolist(), positive.size]))
        self.captioner = _captioner_of(starts, positive.size)
        self.place = np.arange(positive.size) - starts[self.captioner].astype(np.float64)
        positives, rows = np.add.reduceat(positive, starts, dtype=int), np.diff(starts, append=positive.size)
        self.least = positives * (positives - 1) / 2
        self.pairs = positives * (rows - positives)

    def aurocs(self, total):
        low = total.min()
        with np.errstate(over="ignore", divide="ignore"):
            scale = (2.0**31 - 1) / (total.max() - low)
        if not 0 < scale < np.inf:
            return self._exact(total)
        keys = ((total - low) * scale).astype(np.uint32)
        keys <<= np.uint32(1)
        keys |= self.bit
        ranked = keys.copy()
        for start, end in self.parts:
            ranked[start:end].sort()
        wins = np.add.reduceat(self.place * (ranked & np.uint32(1)), self.starts) - self.least
        mixed = ranked[np.flatnonzero((ranked[1:] ^ ranked[:-1]) == 1)]
        if mixed.size:
            rows = _rows_at(mixed, keys)
            if rows.size > total.size // 8:
                return self._exact(total)
            wins += self._correction(rows, keys, total)
        return np.divide(wins, self.pairs, out=np.full(len(wins), np.nan), where=self.pairs > 0)

    def _correction(self, rows, keys, total):
        """Wins by the sums less wins by the keys. Rows that share no level cancel out."""
        captioner, positive = self.captioner[rows], self.positive[rows]
        gain = _negatives_below(total[rows], captioner, positive)
        gain -= _negatives_below(keys[rows], captioner, positive)
        return np.bincount(captioner, weights=gain * positive, minlength=len(self.starts))

    def _exact(self, total):
        return np.array([auroc(total[start:end], self.positive[start:end]) for start, end in self.parts])


def _captioner_of(starts, size):
    """The captioner's number of every row."""
    return np.repeat(np.arange(len(starts)), np.diff(starts, append=size))


def _rows_at(levels, keys):
    """Rows whose key may be at one of the levels: all that are, and few others."""
    bits = np.uint32(TABLE_BITS)
    table = np.zeros(TABLE_BITS + 1, dtype=bool)
    table[(levels >> np.uint32(1)) & bits] = True
    return np.flatnonzero(table[(keys >> np.uint32(1)) & bits])


def _negatives_below(values, captioner, positive):
    """Negatives of lower value in the row's captioner or in an earlier one, half of those level with it."""
    order = np.lexsort((values, captioner))
    ranked, group = values[order], captioner[order]
    level = np.concatenate(([0], np.cumsum((ranked[1:] != ranked[:-1]) | (group[1:] != group[:-1]))))
    negatives = np.bincount(level, weights=~positive[order])
    below = np.empty(len(order))
    below[order] = (np.cumsum(negatives) - negatives / 2)[level]
    return below


def _mean(values):
    """Mean over the last axis without NaN; NaN where nothing is left."""
    known = ~np.isnan(values)
    count = known.sum(axis=-1)
    total = np.where(known, values, 0.0).sum(axis=-1)
    return np.divide(total, count, out=np.full(np.shape(total), np.nan), where=count > 0)
