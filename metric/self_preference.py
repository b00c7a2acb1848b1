"""Self-preference: does a detector go easy on the captions of its own model?

The AlignBench paper's self-preference matrix shows a detector's AUROC on each captioner over its mean AUROC;
a model's AUROC on its own captions is low, as it scores its own mistakes like correct sentences.
"""

import numpy as np
from scipy.special import ndtri

from .clustered import Influence, shifts
from .diagnostics import LAST_POSITION
from .estimates import Estimate
from .scored import Scored


def own_groups(names: tuple[str, ...], own_captioners) -> np.ndarray:
    """Which of the captioners (g,) are the detector's own; ValueError for a name that is not there."""
    own = [own_captioners] if isinstance(own_captioners, str) else list(own_captioners)
    absent = [name for name in own if name not in names]
    if absent or not own:
        raise ValueError(
            f"own_captioners: expected some of {', '.join(names)}, got {', '.join(absent) or 'none'}"
        )
    if len(set(own)) == len(names):
        raise ValueError(
            "own_captioners: expected at least one captioner that is not the detector's own, got all"
        )
    return np.isin(names, own)


def ratio(auroc: np.ndarray, own: np.ndarray) -> np.ndarray:
    """Mean AUROC on the own captioners over that on the others; below 1 is self-preference.

    `auroc` is (..., g), NaN left out of the means; `own` is (g,) bool. NaN where the others' mean is 0.
    """
    others = _mean(auroc[..., ~own])
    return _mean(auroc[..., own]) / np.where(others == 0, np.nan, others)


def ratio_interval(
    found: Influence, auroc: np.ndarray, own: np.ndarray, confidence: float
) -> tuple[float, float]:
    """Limits of `ratio` by the delta method on its logarithm, images being the independent units."""
    moved = shifts(found)
    known = ~np.isnan(auroc) & ~np.isnan(moved).any(axis=1)
    if not all(auroc[known & side].any() for side in (own, ~own)):
        return float("nan"), float("nan")
    relative = [moved[known & side].mean(axis=0) / auroc[known & side].mean() for side in (own, ~own)]
    images = np.count_nonzero(found.counts.any(axis=(0, 1)))
    error = np.sqrt(((relative[0] - relative[1]) ** 2).sum() * images / (images - 1))
    step = ndtri((1 + confidence) / 2) * error
    value = float(ratio(auroc, own))
    return value * float(np.exp(-step)), value * float(np.exp(step))


def self_preference(scored: Scored, found: Estimate, own_captioners, confidence: float = 0.95) -> dict:
    """How the detector does on its own captioners against the others.

    `auroc_ratio` as in `ratio`, with an interval by the estimate's method. `score_gap`: the mean score of own
    incorrect sentences less that of others' incorrect ones at the same position (5 and later together),
    weighted by the own ones; positive is self-preference. Its interval sums each image's part.
    """
    own = own_groups(found.names, own_captioners)
    low = high = float("nan")
    if found.replicates is not None:
        drawn = ratio(found.replicates, own)
        drawn = drawn[~np.isnan(drawn)]
        if len(drawn):
            low, high = np.quantile(drawn, [(1 - confidence) / 2, (1 + confidence) / 2]).tolist()
    elif found.influence is not None:
        low, high = ratio_interval(found.influence, found.auroc, own, confidence)
    return {
        "own": [name for name, mine in zip(found.names, own.tolist(), strict=True) if mine],
        "auroc_own": float(_mean(found.auroc[own])),
        "auroc_others": float(_mean(found.auroc[~own])),
        "auroc_ratio": float(ratio(found.auroc, own)),
        "auroc_ratio_low": low,
        "auroc_ratio_high": high,
        **score_gap(scored, own, confidence),
    }


def score_gap(scored: Scored, own: np.ndarray, confidence: float = 0.95) -> dict:
    """`score_gap`, its limits and the number of own incorrect sentences in it; see `self_preference`."""
    rows = _incorrect(scored)
    mine = np.asarray(own)[_captioners(scored)[rows]]
    place, image = _places(scored, rows), _images(scored, rows)
    # One order for all: then the order of the rows does not show in the last digit.
    order = np.lexsort((mine, place, image, scored.scores[rows]))
    mine, place, image, scores = mine[order], place[order], image[order], scored.scores[rows][order]
    size = LAST_POSITION + 1
    counts = np.bincount(2 * place + mine, minlength=2 * size).reshape(size, 2)
    sums = np.bincount(2 * place + mine, scores, 2 * size).reshape(size, 2)
    both = np.asarray(counts.all(axis=1))
    number = int(counts[both, 1].sum())
    if not number:
        return {"score_gap": np.nan, "score_gap_low": np.nan, "score_gap_high": np.nan, "n_own_incorrect": 0}
    means = sums / np.maximum(counts, 1)
    gap = float(counts[both, 1] @ (means[both, 1] - means[both, 0])) / number
    share = both[place] / number * np.where(mine, 1, -counts[place, 1] / np.maximum(counts[place, 0], 1))
    step = float(ndtri((1 + confidence) / 2)) * _clustered_error(
        share * (scores - means[place, mine.astype(int)]), image
    )
    return {
        "score_gap": gap,
        "score_gap_low": gap - step,
        "score_gap_high": gap + step,
        "n_own_incorrect": number,
    }


def _incorrect(scored: Scored) -> np.ndarray:
    """Rows of the incorrect sentences with a score of their own and a known captioner and position."""
    sentences = scored.sentences
    use = ~sentences.positive & (_captioners(scored) >= 0)
    if scored.absent is not None:
        use &= ~scored.absent
    if sentences.position is not None:
        use &= sentences.position >= 0
    return np.flatnonzero(use)


def _captioners(scored: Scored) -> np.ndarray:
    captioner = scored.sentences.captioner
    return np.full(len(scored.scores), -1) if captioner is None else captioner.codes


def _places(scored: Scored, rows: np.ndarray) -> np.ndarray:
    position = scored.sentences.position
    return np.zeros(len(rows), int) if position is None else np.minimum(position[rows], LAST_POSITION)


def _images(scored: Scored, rows: np.ndarray) -> np.ndarray:
    image = scored.sentences.image
    return np.full(len(rows), -1) if image is None else image.codes[rows]


def _clustered_error(parts: np.ndarray, image: np.ndarray) -> float:
    """Standard error of the sum of `parts`, those of one image going along; NaN for fewer than two images."""
    found = len(np.unique(image))
    if image.min() < 0 or found < 2:
        return float("nan")
    return float(np.sqrt((np.bincount(image, parts) ** 2).sum() * found / (found - 1)))


def self_preference_matrix(aurocs: dict[str, dict[str, float]]) -> dict[str, dict[str, float]]:
    """AUROC over the detector's mean AUROC, {detector: {captioner: ratio}}, as the paper's matrix.

    `aurocs` holds {detector: {captioner: AUROC}}; NaN is left out of the mean.
    """
    return {
        detector: {name: value / float(_mean(np.array(list(row.values())))) for name, value in row.items()}
        for detector, row in aurocs.items()
    }


def _mean(values: np.ndarray) -> np.ndarray:
    """Mean over the last axis of what is defined."""
    there = ~np.isnan(values)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(there, values, 0).sum(axis=-1) / there.sum(axis=-1)
