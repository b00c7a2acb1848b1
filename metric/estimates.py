"""AUROC per captioner, their mean and the pooled one, with intervals."""

from dataclasses import dataclass, field

import numpy as np

from . import bootstrap, clustered, grouped
from .ranking import auroc
from .scored import Scored

METHODS = ("analytic", "bootstrap", "bca", None)


@dataclass
class Estimate:
    """AUROC (g,) of the captioners `names`, or of the only group there is if captioners are not known.

    `low`, `high` (g,), `mean_low`, `mean_high` are limits of the interval, NaN where there is none.
    `mean` is the unweighted mean over the captioners with both classes (the paper's Avg.).
    """

    names: tuple[str, ...]
    table: grouped.GroupTable
    low: np.ndarray
    high: np.ndarray
    mean: float
    mean_low: float
    mean_high: float
    pooled: float
    notes: list[str] = field(default_factory=list)


def estimate(
    scored: Scored,
    ranks: grouped.Ranks,
    interval: str | None = "analytic",
    confidence: float = 0.95,
    replicates: int = 1000,
    seed: int = 0,
) -> Estimate:
    """AUROC of every captioner, mean and pooled.

    Args:
        scored: sentences and scores.
        ranks: of the scores.
        interval: "analytic" (Obuchowski 1997), "bootstrap" (percentile, over images), "bca" or None.
        confidence: of the interval, in (0, 1).
        replicates, seed: of the bootstraps.
    """
    sentences = scored.sentences
    names, codes = _captioners(sentences)
    groups = max(len(names), 1)
    table = grouped.group_table(ranks, sentences.positive, codes, groups)
    notes = _one_class_notes(names, table)
    blank = np.full(groups, np.nan)
    defined = table.auroc[~np.isnan(table.auroc)]
    mean = float(defined.mean()) if len(defined) else float("nan")
    pooled = auroc(scored.scores, sentences.positive) if names else float(table.auroc[0])
    out = Estimate(names, table, blank, blank, mean, np.nan, np.nan, pooled, notes)
    reason = _no_interval(scored, interval)
    if reason:
        notes.append(f"no interval: {reason}")
    elif interval is not None:
        _add_interval(out, scored, ranks, codes, interval, confidence, replicates, seed)
    return out


def _add_interval(out, scored, ranks, codes, interval, confidence, replicates, seed) -> None:
    sentences, groups = scored.sentences, len(out.table.auroc)
    image, images = sentences.image.codes, len(sentences.image.names)
    if interval == "bootstrap":
        drawn = _replicates(scored, ranks, codes, groups, replicates, seed)
        low, high = bootstrap.percentile(drawn, confidence)
    else:
        placement = grouped.placements(ranks, sentences.positive, codes, groups)
        if interval == "analytic":
            found = clustered.influence(placement, out.table.auroc, sentences.positive, codes, image, images)
            variance = np.append(clustered.variances(found), clustered.variance_of_mean(found))
            low, high = clustered.interval(np.append(out.table.auroc, out.mean), variance, confidence)
        else:
            drawn = _replicates(scored, ranks, codes, groups, replicates, seed)
            left_out = jackknife(ranks, placement, sentences.positive, codes, groups, image, images)
            estimates = np.append(out.table.auroc, out.mean)
            low, high = bootstrap.bca(drawn, estimates, left_out, confidence)
    out.low, out.high = low[:-1], high[:-1]
    out.mean_low, out.mean_high = float(low[-1]), float(high[-1])


def _replicates(scored, ranks, codes, groups, replicates, seed) -> np.ndarray:
    """AUROC (b, g + 1) of the captioners and, last, their mean."""
    image = scored.sentences.image
    steps = bootstrap.plan(ranks, scored.sentences.positive, codes, groups, image.codes, len(image.names))
    drawn = bootstrap.replicate([steps], replicates, seed)[0]
    return np.column_stack((drawn, bootstrap.mean_over_groups(drawn)))


def jackknife(ranks, placement, positive, codes, groups: int, image, images: int) -> np.ndarray:
    """AUROC (i, g + 1) of each captioner and their mean without each image; exact.

    What an image takes with it is the pairs won by its positives and by the others against its
    negatives, those within the image counted once.
    """
    cell = np.where(codes < 0, -1, codes * images + image)
    within = grouped.group_table(ranks, positive, cell, groups * images)
    inside = np.nan_to_num(within.auroc) * within.positives * within.negatives
    p, n, w = (part.reshape(groups, images) for part in (within.positives, within.negatives, inside))
    total_p, total_n = p.sum(axis=1, keepdims=True), n.sum(axis=1, keepdims=True)
    known = codes >= 0
    sums = np.bincount(
        2 * cell[known] + positive[known], placement[known], minlength=2 * groups * images
    ).reshape(groups, images, 2)
    # A positive's placement is its share of all negatives, a negative's of all positives.
    won, lost = sums[:, :, 1] * total_n, sums[:, :, 0] * total_p
    wins = won.sum(axis=1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        left_out = (wins - won - lost + w) / ((total_p - p) * (total_n - n))
    return np.column_stack((left_out.T, bootstrap.mean_over_groups(left_out.T)))


def _captioners(sentences) -> tuple[tuple[str, ...], np.ndarray]:
    if sentences.captioner is None:
        return (), np.zeros(len(sentences), np.int64)
    return sentences.captioner.names, sentences.captioner.codes


def _no_interval(scored: Scored, interval: str | None) -> str | None:
    if interval not in METHODS:
        raise ValueError(f"interval: expected one of {METHODS}, got {interval!r}")
    image = scored.sentences.image
    if interval is None or not len(scored.sentences):
        return None
    if image is None:
        return "image_id is not known, and sentences of one image are not independent"
    unknown = int(np.count_nonzero(image.codes < 0))
    if unknown:
        return f"image_id is not known for {unknown} sentences"
    if (image.codes == image.codes[0]).all():
        return "all sentences are about one image"
    return None


def _one_class_notes(names, table) -> list[str]:
    notes = []
    for code in np.flatnonzero(np.isnan(table.auroc)):
        of = f"captioner {names[code]!r}" if names else "all sentences"
        lack = "correct" if not table.positives[code] else "incorrect"
        if table.positives[code] + table.negatives[code] or names:
            notes.append(
                f"{of}: no {lack} sentence, so AUROC is NaN" + (" and left out of the mean" if names else "")
            )
    return notes
