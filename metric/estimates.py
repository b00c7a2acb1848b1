"""AUROC per captioner, their mean and the pooled one, with intervals."""

from dataclasses import dataclass, field

import numpy as np

from . import clustered, grouped
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
    images: np.ndarray | None
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
    out = Estimate(names, table, blank, blank, mean, np.nan, np.nan, pooled, None, notes)
    reason = _no_interval(scored, interval)
    if reason:
        notes.append(f"no interval: {reason}")
    elif interval is not None:
        _add_interval(out, scored, ranks, codes, interval, confidence, replicates, seed)
    return out


def _add_interval(out, scored, ranks, codes, interval, confidence, replicates, seed) -> None:
    sentences, groups = scored.sentences, len(out.table.auroc)
    placement = grouped.placements(ranks, sentences.positive, codes, groups)
    found = clustered.influence(
        placement,
        out.table.auroc,
        sentences.positive,
        codes,
        sentences.image.codes,
        len(sentences.image.names),
    )
    out.images = found.counts.any(axis=2).sum(axis=1)
    if interval == "analytic":
        out.low, out.high = clustered.interval(out.table.auroc, clustered.variances(found), confidence)
        limits = clustered.interval(out.mean, clustered.variance_of_mean(found), confidence)
        out.mean_low, out.mean_high = (float(limit) for limit in limits)


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
