"""Cluster bootstrap of AUROC over images: exact replicates without sorting anything again.

Drawing images with replacement gives every image a multiplicity, so a replicate is a weighted AUROC of the
same rows in the same order. All rows are sorted once; per captioner the rows between two changes of class
merge into a *step*, and a replicate is two sparse products (steps x images times multiplicities), a running
sum and a dot product. Whole numbers throughout: each replicate equals the naive loop's on the same draw.

Efron and Tibshirani, *An Introduction to the Bootstrap* (1993): chapter 13 (percentile), 14 (BCa).
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from scipy import sparse
from scipy.special import ndtr, ndtri

from .grouped import Ranks, runs, sorted_rows

BLOCK = 128  # replicates that stay in the processor's cache together
MAX_CELLS = 2_000_000  # replicates x columns that are kept: 16 MB
CACHE_BYTES = 8 << 20
DRAWN = 1 << 21  # multiplicities at a time, 4 MB
CHUNK = 1 << 15  # draws whose counts stay in the processor's cache


class Steps(NamedTuple):
    """One captioner. `gain` (k, i) counts the positives of each step and image; the running sum over the
    steps of `below` (k, i) is twice the negatives below a step, those at its own score once, and after the
    last step, which has no positives, twice all negatives.

    `widest` is the largest number of rows in a step, `positives` and `negatives` (2 numbers each) the sum
    and the sum of squares over the images.
    """

    gain: sparse.csr_matrix
    below: sparse.csr_matrix
    widest: int
    positives: tuple[float, float]
    negatives: tuple[float, float]


def multiplicities(images: int, replicates: int, seed: int, block: int = BLOCK) -> Iterator[np.ndarray]:
    """How often each image is drawn: int16 (images, b) for successive blocks of b <= `block` replicates.

    Drawn with replacement from the raw 64-bit words of PCG64, whose stream is fixed for all versions of
    numpy and all machines; 32 bits make an index, equally likely to one part in 2^32 / images. Replicate r
    has the same draw whatever the block size. `images` is below 2^31.
    """
    drawn = _drawn(images, replicates, seed) if images * replicates <= CACHE_BYTES else None
    if drawn is not None:
        for start in range(0, replicates, block):
            yield drawn[:, start : start + block].astype(np.int16, order="C")
        return
    for counts in _draw(images, replicates, seed, block):
        yield np.ascontiguousarray(counts.T)


def plan(
    ranks: Ranks, positive: np.ndarray, codes: np.ndarray, groups: int, image: np.ndarray, images: int
) -> list[Steps]:
    """Prepare the replicates of one detector: the steps of each captioner.

    Args:
        ranks: of its scores.
        positive: (n,) bool.
        codes: (n,) captioner of each row, -1 for none, below `groups`.
        image: (n,) image of each row, 0 <= image < `images`.
    """
    rows = sorted_rows(ranks, codes, groups)
    level, group, mine, where = ranks.level[rows], codes[rows], positive[rows], image[rows].astype(np.int32)
    gain, below, last = _entries(level, group, mine, where, groups)
    totals = [_sums(group[mine == side], where[mine == side], groups, images) for side in (True, False)]
    parts = []
    for number, (start, stop) in enumerate(zip(np.concatenate(([0], last[:-1])), last, strict=True)):
        pair = [_cut(matrix, start, stop, images) for matrix in (gain, below)]
        widest = int(np.diff(pair[0].indptr).max(initial=0))
        parts.append(Steps(pair[0], pair[1], widest, totals[0][number], totals[1][number]))
    return parts


def replicate(plans: list[list[Steps]], replicates: int, seed: int, block: int = BLOCK) -> np.ndarray:
    """AUROC (d, replicates, g) of d detectors in the same draws; NaN where a draw lacks a class."""
    images, groups = plans[0][0].gain.shape[1], len(plans[0])
    _check_size(replicates, len(plans) * groups)
    block = min(block, max(4, DRAWN // images))
    out = np.empty((len(plans), replicates, groups))
    done = 0
    for drawn in multiplicities(images, replicates, seed, block):
        size = drawn.shape[1]
        for number, each in enumerate(plans):
            out[number, done : done + size] = _block(each, drawn)
        done += size
    return out


def mean_over_groups(replicates: np.ndarray) -> np.ndarray:
    """Unweighted mean over the last axis, without the groups that no replicate defines.

    NaN where a replicate lacks one of the others: the mean over what is left would be of another thing.
    """
    undefined = np.isnan(replicates)
    if undefined.any():
        replicates = replicates[..., ~undefined.all(axis=tuple(range(undefined.ndim - 1)))]
    with np.errstate(invalid="ignore", divide="ignore"):
        return replicates.sum(axis=-1) / np.float64(replicates.shape[-1])


def percentile(replicates: np.ndarray, confidence: float = 0.95) -> tuple[np.ndarray, np.ndarray]:
    """Percentile limits over the first axis (b, ...), undefined replicates left out; NaN if all are."""
    tails = ((1 - confidence) / 2, (1 + confidence) / 2)
    low, high = _quantiles(replicates, np.array(tails)[:, None].repeat(replicates[0].size, axis=1))
    return low.reshape(replicates.shape[1:]), high.reshape(replicates.shape[1:])


def bca(
    replicates: np.ndarray, estimate: np.ndarray, jackknife: np.ndarray, confidence: float = 0.95
) -> tuple[np.ndarray, np.ndarray]:
    """Bias-corrected and accelerated limits (g,).

    Args:
        replicates: (b, g) of the bootstrap.
        estimate: (g,) on all rows.
        jackknife: (i, g), each without one image; NaN where leaving it out changes nothing.
    """
    below = np.mean(replicates < estimate, axis=0) + np.mean(replicates == estimate, axis=0) / 2
    with np.errstate(invalid="ignore", divide="ignore"):
        spread = np.nan_to_num(mean_over_groups(jackknife.T) - jackknife)
        accelerate = (spread**3).sum(axis=0) / (6 * (spread**2).sum(axis=0) ** 1.5)
        bias = ndtri(below)
        tails = ndtri(np.array([[(1 - confidence) / 2], [(1 + confidence) / 2]]))
        shifted = bias + (bias + tails) / (1 - accelerate * (bias + tails))
    return _quantiles(replicates, ndtr(shifted))


def _quantiles(replicates: np.ndarray, levels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Quantiles at `levels` (2, columns) of each column, without NaN."""
    columns = replicates.reshape(len(replicates), -1)
    out = np.full((2, columns.shape[1]), np.nan)
    for number in range(columns.shape[1]):
        known = columns[:, number][~np.isnan(columns[:, number])]
        if len(known) and not np.isnan(levels[:, number]).any():
            out[:, number] = np.quantile(known, levels[:, number])
    return out[0], out[1]


def _draw(images: int, replicates: int, seed: int, block: int) -> Iterator[np.ndarray]:
    """Multiplicities as int16 (b, images)."""
    generator = np.random.PCG64(seed)
    words = (images + 1) // 2
    chunk = max(1, CHUNK // images)
    offsets = (np.arange(chunk, dtype=np.uint64) * np.uint64(images))[:, None]
    for start in range(0, replicates, block):
        counts = np.empty((min(block, replicates - start), images), np.int16)
        for first in range(0, len(counts), chunk):
            size = min(chunk, len(counts) - first)
            raw = generator.random_raw(size * words).astype("<u8", copy=False).view("<u4")
            index = raw.reshape(size, 2 * words)[:, :images].astype(np.uint64)
            index *= np.uint64(images)
            index >>= np.uint64(32)
            index += offsets[:size]
            found = np.bincount(index.ravel().view(np.int64), minlength=size * images)
            counts[first : first + size] = found.reshape(size, images)
        yield counts


@lru_cache(maxsize=1)
def _drawn(images: int, replicates: int, seed: int) -> np.ndarray | None:
    """All draws as uint8 (images, replicates), kept for the next detector; None if a number is too large."""
    drawn = np.empty((images, replicates), np.uint8)
    start = 0
    for counts in _draw(images, replicates, seed, BLOCK):
        if counts.max() > np.iinfo(np.uint8).max:
            return None
        drawn[:, start : start + len(counts)] = counts.T
        start += len(counts)
    return drawn


def _entries(level, group, positive, image, groups: int):
    """Entries of `gain` and `below` by step, and the end of each group's steps (g,), from rows by score."""
    edges = runs(level, group)
    run = np.repeat(np.arange(len(edges) - 1), np.diff(edges))
    positives = np.concatenate(([0], np.cumsum(positive)))
    found = positives[edges[1:]] - positives[edges[:-1]]
    mixed = (found > 0) & (found < np.diff(edges))
    pure = (found > 0) & ~mixed
    owner = group[edges[:-1]]
    begins = found > 0
    begins[1:] &= ~(pure[1:] & pure[:-1] & (owner[1:] == owner[:-1]))
    # Every group has one step more, for what is above its last positive.
    after = np.cumsum(begins) + owner
    last = np.cumsum(np.bincount(owner[begins], minlength=groups) + 1)

    negative = np.flatnonzero(~positive)
    own = run[negative]
    tied = mixed[own]
    # A tied negative counts once below its own step and once more below the next.
    step = np.concatenate((after[own], after[own[tied]] - 1))
    rows = np.concatenate((negative, negative[tied]))
    weight = np.concatenate((np.where(tied, 1, 2), np.ones(np.count_nonzero(tied), int))).astype(np.int16)
    order = np.argsort(step, kind="stable")
    gain = _by_step(after[run[positive]] - 1, image[positive], np.ones(positives[-1], np.int16), last)
    return gain, _by_step(step[order], image[rows[order]], weight[order], last), last


def _by_step(step, image, weight, last) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Entries sorted by step as a sparse matrix's data, indices and row edges."""
    sizes = np.bincount(step, minlength=int(last[-1]))
    return weight, image, np.concatenate(([0], np.cumsum(sizes)))


def _cut(matrix, start: int, stop: int, images: int) -> sparse.csr_matrix:
    data, indices, edges = matrix
    part = slice(edges[start], edges[stop])
    return sparse.csr_matrix(
        (data[part], indices[part], (edges[start : stop + 1] - edges[start]).astype(np.int32)),
        shape=(stop - start, images),
    )


def _sums(group, image, groups: int, images: int) -> list[tuple[float, float]]:
    """Number of rows of each group, and the sum over images of the square of the number on each."""
    counts = np.bincount(group.astype(np.int64) * images + image, minlength=groups * images).reshape(
        groups, images
    )
    return list(zip(counts.sum(axis=1).astype(float), (counts.astype(float) ** 2).sum(axis=1), strict=True))


def _block(steps: list[Steps], drawn: np.ndarray) -> np.ndarray:
    """AUROC (b, g) in the draws (i, b)."""
    most = int(drawn.max(initial=0))
    squares = most * len(drawn)  # at least the sum of squares of any draw, as a draw sums up to all images
    out = np.empty((drawn.shape[1], len(steps)))
    for number, each in enumerate(steps):
        # By Cauchy and Schwarz no draw has more rows of a class than the root of squares times squares.
        positives, negatives = (np.sqrt(squares * total[1]) for total in (each.positives, each.negatives))
        fits = 2 * negatives < 2**16 and each.widest * most < 2**15 and 2 * positives * negatives < 2**32
        out[:, number] = (_narrow if fits else _wide)(each, drawn)
    return out


def _narrow(steps: Steps, drawn: np.ndarray) -> np.ndarray:
    """AUROC (b,) where the numbers fit: 16 bits below a step, 32 in all."""
    size = drawn.shape[1]
    padded = drawn if size % 4 == 0 else np.pad(drawn, ((0, 0), (0, -size % 4)))
    # Four 16-bit sums at a time in one 64-bit word: none overflows into its neighbour.
    below = np.cumsum((steps.below @ padded).view(np.int64), axis=0).view(np.uint16)[:, :size]
    gain = (steps.gain @ padded)[:, :size].astype(np.uint32)
    wins = np.einsum("kb,kb->b", gain, below.astype(np.uint32))
    return _share(wins, gain.sum(axis=0), below[-1])


def _wide(steps: Steps, drawn: np.ndarray) -> np.ndarray:
    """The same in float64, exact up to 2^53, a few draws at a time to bound the memory."""
    width = max(1, min(drawn.shape[1], (1 << 19) // steps.gain.shape[0]))
    out = np.empty(drawn.shape[1])
    left, right = (matrix.astype(np.float64) for matrix in steps[:2])
    for start in range(0, len(out), width):
        part = drawn[:, start : start + width].astype(np.float64)
        gain, below = left @ part, np.cumsum(right @ part, axis=0)
        out[start : start + width] = _share(np.einsum("kb,kb->b", gain, below), gain.sum(axis=0), below[-1])
    return out


def _share(wins, positives, twice_negatives) -> np.ndarray:
    with np.errstate(invalid="ignore", divide="ignore"):
        return wins / (positives.astype(np.float64) * twice_negatives)


def _check_size(replicates: int, columns: int) -> None:
    if not isinstance(replicates, (int, np.integer)) or replicates < 1:
        raise ValueError(f"replicates: expected a whole number from 1, got {replicates!r}")
    if replicates * columns > MAX_CELLS:
        raise ValueError(
            f"replicates: expected at most {MAX_CELLS // columns} for {columns} columns, to stay within 32 MB"
            f" of memory, got {replicates}"
        )
