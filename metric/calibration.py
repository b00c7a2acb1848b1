"""How far scores in [0, 1] are from probabilities of being correct."""

import numpy as np

BINS = 10


def brier(probabilities, positive) -> float:
    """Brier score: mean squared distance of `probabilities` (n,) from `positive` (n,), in [0, 1].

    Brier, Monthly Weather Review 78 (1950). NaN without rows; ValueError outside [0, 1].
    """
    probabilities, positive = _checked(probabilities, positive)
    return float(brier_by_group(probabilities, positive, np.zeros(len(positive), int), 1)[0])


def expected_calibration_error(probabilities, positive, bins: int = BINS) -> float:
    """Expected calibration error in [0, 1], with `bins` bins of equal width over [0, 1].

    The distance between mean probability and share of positives in a bin, averaged over the rows (Naeini,
    Cooper and Hauskrecht, AAAI 2015). Bins are closed at the left, the last one at both ends.
    """
    probabilities, positive = _checked(probabilities, positive)
    return float(
        calibration_error_by_group(probabilities, positive, np.zeros(len(positive), int), 1, bins)[0]
    )


def brier_by_group(probabilities, positive, codes, groups: int) -> np.ndarray:
    """Brier score (g,) of each group; rows with code -1 belong to none.

    The classes are added up apart: of rows in score order, equal scores then add equal numbers.
    """
    errors = np.bincount(2 * codes + positive + 2, (probabilities - positive) ** 2, 2 * groups + 2)[2:]
    with np.errstate(invalid="ignore"):
        return errors.reshape(groups, 2).sum(axis=1) / np.bincount(codes + 1, minlength=groups + 1)[1:]


def calibration_error_by_group(probabilities, positive, codes, groups: int, bins: int = BINS) -> np.ndarray:
    """Expected calibration error (g,) of each group; rows with code -1 belong to none."""
    cells = np.minimum((probabilities * bins).astype(np.int64), bins - 1) + (codes + 1) * bins
    mass = np.bincount(cells, probabilities, bins * (groups + 1)).reshape(groups + 1, bins)[1:]
    hits = np.bincount(cells[positive], minlength=bins * (groups + 1)).reshape(groups + 1, bins)[1:]
    with np.errstate(invalid="ignore"):
        return np.abs(mass - hits).sum(axis=1) / np.bincount(codes + 1, minlength=groups + 1)[1:]


def _checked(probabilities, positive) -> tuple[np.ndarray, np.ndarray]:
    probabilities, positive = np.asarray(probabilities, np.float64), np.asarray(positive)
    if probabilities.ndim != 1 or probabilities.shape != positive.shape:
        raise ValueError(
            f"expected two columns of one length, got {probabilities.shape} and {positive.shape}"
        )
    if len(probabilities) and not (probabilities.min() >= 0 and probabilities.max() <= 1):
        raise ValueError("expected probabilities in [0, 1]; scale the scores first")
    return probabilities, positive.astype(bool)
