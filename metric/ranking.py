"""Exact ranking measures of scores against binary labels.

Higher scores mean "more likely positive"; in AlignBench the positive class is a *correct* sentence.
Scores that tie count half (midranks), weights are non-negative, and a measure that one class alone
leaves undefined is NaN. Infinite scores are allowed: they only have a rank.

References: Hanley and McNeil, Radiology 143 (1982), for AUROC as P(s+ > s-) + P(s+ = s-) / 2;
`sklearn.metrics.roc_curve` and `average_precision_score` for the points and the step-wise integral.
"""

from typing import NamedTuple

import numpy as np

SIGN_BIT = np.uint64(1 << 63)
# A table of counts is worth it while it is small beside the rows it replaces sorting of.
MAX_TABLE = 1 << 16


class Levels(NamedTuple):
    """The distinct scores, ascending, and the weight (or number) of each class at each of them."""

    scores: np.ndarray
    positive: np.ndarray
    negative: np.ndarray

    def auroc(self) -> float:
        """Area under the ROC curve in [0, 1]; NaN if a class has no weight."""
        below = np.cumsum(self.negative) - self.negative
        wins = (self.positive * (2 * below + self.negative)).sum()
        total = 2 * float(self.positive.sum()) * float(self.negative.sum())
        return float(wins) / total if total else float("nan")

    def flipped(self) -> "Levels":
        """The same rows with the classes swapped and the order of the scores reversed."""
        return Levels(-self.scores[::-1], self.negative[::-1], self.positive[::-1])

    def roc(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """False-positive rate, true-positive rate and thresholds, from the strictest (infinity) down.

        A rate is NaN throughout where its class has no weight.
        """
        thresholds = np.concatenate(([np.inf], self.scores[::-1]))
        return _rates(self.negative), _rates(self.positive), thresholds

    def average_precision(self) -> float:
        """Sum over thresholds of precision times the recall gained there; NaN without positives."""
        hits = np.cumsum(self.positive[::-1])
        found = hits + np.cumsum(self.negative[::-1])
        if not len(hits) or not hits[-1]:
            return float("nan")
        # Not a BLAS dot product, whose threads wait for each other on a busy machine.
        return float((self.positive[::-1] * (hits / found)).sum() / hits[-1])

    def operating_points(self, tpr: float = 0.95) -> tuple[float, float, float]:
        """Smallest false-positive rate that keeps the share `tpr` of the positives; best balanced accuracy
        (the mean of true-positive and true-negative rate) and its threshold (positive if `>=`).

        Of several equally good thresholds the highest. All NaN if a class has no weight.
        """
        kept, passed = np.cumsum(self.positive[::-1]), np.cumsum(self.negative[::-1])
        if not len(kept) or not kept[-1] or not passed[-1]:
            return float("nan"), float("nan"), float("nan")
        positives, negatives = kept[-1], passed[-1]
        enough = np.searchsorted(kept, tpr * positives * (1 - 1e-12))
        best = int(np.argmax(kept * negatives - passed * positives))
        accuracy = (kept[best] / positives + 1 - passed[best] / negatives) / 2
        return float(passed[enough] / negatives), float(accuracy), float(self.scores[-1 - best])


def levels(scores, labels, weights=None) -> Levels:
    """Group `scores` (n,) by value, with the number or the weight of positives and negatives at each.

    `labels` (n,) are 1 or True for positive, 0 or False for negative; `weights` (n,) are finite and
    not negative, and rows of weight zero are left out. Raises ValueError on anything else.
    """
    scores, positive, weights = _checked(scores, labels, weights)
    return _levels(scores, positive, weights, small_integers(scores))


def auroc(scores, labels, weights=None) -> float:
    """Area under the ROC curve: P(s+ > s-) + P(s+ = s-) / 2, in [0, 1].

    Args:
        scores: (n,) numbers, higher = more likely positive; infinite is allowed, NaN is not.
        labels: (n,) 1 = positive (correct), 0 = negative (incorrect).
        weights: (n,) non-negative weights of the rows, or None for one each.

    Returns NaN if only one class is there. Raises ValueError on NaN, other labels or shapes.
    """
    scores, positive, weights = _checked(scores, labels, weights)
    table = small_integers(scores)
    keys = _sort_keys(scores, positive) if weights is None and table is None else None
    return _levels(scores, positive, weights, table).auroc() if keys is None else _auroc_of_keys(keys)


def average_precision(scores, positive, weights=None) -> float:
    """Average precision in [0, 1] of finding the `positive` (n,) rows by high `scores` (n,).

    The step-wise sum over distinct thresholds, without interpolation, as scikit-learn has it. To find
    incorrect sentences give `-scores` and `labels == 0`. NaN if no row is positive.
    """
    return levels(scores, positive, weights).average_precision()


def roc_points(scores, labels, weights=None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """False-positive rates, true-positive rates and thresholds of all k distinct scores: (k + 1,) each."""
    return levels(scores, labels, weights).roc()


def fpr_at_tpr(scores, labels, tpr: float = 0.95, weights=None) -> float:
    """Smallest false-positive rate at which at least the share `tpr`, in (0, 1], of the positives is kept."""
    if not 0 < tpr <= 1:
        raise ValueError(f"tpr: expected a share in (0, 1], got {tpr!r}")
    return levels(scores, labels, weights).operating_points(tpr)[0]


def best_balanced_accuracy(scores, labels, weights=None) -> tuple[float, float]:
    """Best mean of true-positive and true-negative rate over all thresholds, and that threshold."""
    return levels(scores, labels, weights).operating_points()[1:]


def order_preserving_bits(scores: np.ndarray) -> np.ndarray:
    """float64 (n,) without NaN as uint64 that sort and tie alike (-0.0 and 0.0 are one)."""
    bits = (scores + 0.0).view(np.int64)
    if len(bits) and bits.min() >= 0:
        return bits.view(np.uint64) | SIGN_BIT
    # All bits of a negative number flip, and only the sign of the others.
    return bits.view(np.uint64) ^ ((bits >> 63).view(np.uint64) | SIGN_BIT)


def _sort_keys(scores: np.ndarray, positive: np.ndarray) -> np.ndarray | None:
    """uint64 keys that hold score and label (the lowest bit), or None if 64 bits do not suffice.

    Sorting values is faster than sorting indices, and real scores never span all exponents: shifted
    to start at zero they leave the top bit free.
    """
    bits = order_preserving_bits(scores)
    if not len(bits):
        return bits
    bits = bits - bits.min()
    if bits.max() >= SIGN_BIT:
        return None
    return (bits << np.uint64(1)) | positive.astype(np.uint64)


def _auroc_of_keys(keys: np.ndarray) -> float:
    keys.sort()
    at = np.flatnonzero(keys & np.uint64(1))
    positives, negatives = len(at), len(keys) - len(at)
    if not positives or not negatives:
        return float("nan")
    wins = 2 * (int(at.sum()) - positives * (positives - 1) // 2)
    # Within a tie the negatives stand first, so there every pair was counted as won: take back half.
    last_negative = np.flatnonzero((keys[1:] ^ keys[:-1]) == 1)
    if len(last_negative):
        tied_negatives = last_negative + 1 - np.searchsorted(keys, keys[last_negative])
        tied_positives = np.searchsorted(keys, keys[last_negative + 1], "right") - last_negative - 1
        wins -= int(np.dot(tied_negatives, tied_positives))
    return wins / (2 * positives * negatives)


def _levels(
    scores: np.ndarray, positive: np.ndarray, weights: np.ndarray | None, table: np.ndarray | None
) -> Levels:
    if table is not None:
        codes = 2 * table + positive
        mass = np.bincount(codes, weights, minlength=2 * int(table.max()) + 2).reshape(-1, 2)
        there = np.flatnonzero(mass.any(axis=1))
        return Levels(scores.min() + there, mass[there, 1], mass[there, 0])
    order = np.argsort(scores)
    scores, positive = scores[order], positive[order]
    ones = np.ones(len(scores), np.int64) if weights is None else weights[order]
    if not len(scores):
        return Levels(scores, ones, ones)
    starts = np.flatnonzero(np.concatenate(([True], scores[1:] != scores[:-1])))
    classes = (np.add.reduceat(np.where(one, ones, 0), starts) for one in (positive, ~positive))
    return Levels(scores[starts], *classes)


def small_integers(scores: np.ndarray) -> np.ndarray | None:
    """Whole numbers from zero that rank like the scores, if these are whole in a narrow range."""
    if not len(scores) or (scores[:64] != np.rint(scores[:64])).any():
        return None
    lowest = scores.min()
    if not scores.max() < lowest + min(MAX_TABLE, 4 * len(scores) + 64):
        return None
    shifted = scores - lowest
    codes = shifted.astype(np.int64)
    return codes if (codes == shifted).all() and (shifted + lowest == scores).all() else None


def _rates(mass: np.ndarray) -> np.ndarray:
    """Share of `mass` at or above each level, from none of it to all."""
    kept = np.concatenate(([0], np.cumsum(mass[::-1])))
    return kept / kept[-1] if kept[-1] else np.full(len(kept), np.nan)


def _checked(scores, labels, weights) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    scores = np.ascontiguousarray(scores, dtype=np.float64)
    labels = np.asarray(labels)
    if scores.ndim != 1 or labels.shape != scores.shape:
        raise ValueError(
            f"expected scores and labels of one shape (n,), got {scores.shape} and {labels.shape}"
        )
    if np.isnan(scores).any():
        raise ValueError(f"expected scores without NaN, got {int(np.isnan(scores).sum())} of them")
    positive = labels.astype(bool)
    if labels.dtype != bool and not np.array_equal(labels, positive):
        raise ValueError("expected labels 0 or 1; drop unknown rows (label 2) first")
    if weights is None:
        return scores, positive, None
    weights = np.asarray(weights, dtype=np.float64)
    if weights.shape != scores.shape or not np.isfinite(weights).all() or (weights < 0).any():
        raise ValueError(f"expected {len(scores)} finite, non-negative weights, got shape {weights.shape}")
    kept = weights > 0
    return scores[kept], positive[kept], weights[kept]
