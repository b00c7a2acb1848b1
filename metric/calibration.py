"""How far scores in [0, 1] are from probabilities of being correct."""

import numpy as np

BINS = 10


def brier(probabilities, positive) -> float:
    """Brier score: mean squared distance of `probabilities` (n,) from `positive` (n,), in [0, 1].

    Brier, Monthly Weather Review 78 (1950). NaN without rows; ValueError outside [0, 1].
    """
    probabilities, positive = _checked(probabilities, positive)
    return float(calibration_by_group(probabilities, positive, np.zeros(len(positive), int), 1)[0, 0])


def expected_calibration_error(probabilities, positive, bins: int = BINS) -> float:
    """Expected calibration error in [0, 1], with `bins` bins of equal width over [0, 1].

    The distance between mean probability and share of positives in a bin, averaged over the rows (Naeini,
    Cooper and Hauskrecht, AAAI 2015). Bins are closed at the left, the last one at both ends.
    """
    probabilities, positive = _checked(probabilities, positive)
    return float(calibration_by_group(probabilities, positive, np.zeros(len(positive), int), 1, bins)[0, 1])


def calibration_by_group(probabilities, positive, codes, groups: int, bins: int = BINS) -> np.ndarray:
    """Brier score and expected calibration error (g + 1, 2) of each group and, last, of all rows.

    Rows with code -1 belong to no group. Both come from sums of equal numbers where scores and labels are
    equal, so that rows in the order of their scores give the same to the last digit whatever came first.
    """
    cells = (
        np.minimum((probabilities * bins).astype(np.int64), bins - 1) + (codes + 1) * bins
    ) * 2 + positive
    size = 2 * bins * (groups + 1)
    number, mass, errors = (
        _with_total(np.bincount(cells, weights, size).reshape(groups + 1, bins, 2))
        for weights in (None, probabilities, (probabilities - positive) ** 2)
    )
    rows = number.sum(axis=(1, 2))
    gap = np.abs(mass.sum(axis=2) - number[:, :, 1]).sum(axis=1)
    with np.errstate(invalid="ignore"):
        return np.stack((errors.sum(axis=(1, 2)) / rows, gap / rows), axis=1)


def _with_total(sums: np.ndarray) -> np.ndarray:
    return np.concatenate((sums[1:], sums.sum(axis=0, keepdims=True)))


def _checked(probabilities, positive) -> tuple[np.ndarray, np.ndarray]:
    probabilities, positive = np.asarray(probabilities, np.float64), np.asarray(positive)
    if probabilities.ndim != 1 or probabilities.shape != positive.shape:
        raise ValueError(
            f"expected two columns of one length, got {probabilities.shape} and {positive.shape}"
        )
    if len(probabilities) and not (probabilities.min() >= 0 and probabilities.max() <= 1):
        raise ValueError("expected probabilities in [0, 1]; scale the scores first")
    if not np.isin(positive, (0, 1)).all():
        raise ValueError("expected labels 0 (incorrect) or 1 (correct); drop the unknown ones first")
    return probabilities, positive.astype(bool)
