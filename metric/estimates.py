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
    `mean` is the unweighted mean over the captioners with both classes (the paper's Avg.). `codes` (n,)
    are the rows' captioners, `won` (n,) as in `grouped.won_pairs`; `influence` is there for the
    analytic interval, `replicates` (b, g) for the others.
    """

    names: tuple[str, ...]
    table: grouped.GroupTable
    low: np.ndarray
    high: np.ndarray
    mean: float
    mean_low: float
    mean_high: float
    pooled: float
    codes: np.ndarray
    won: np.ndarray | None = None
    influence: clustered.Influence | None = None
    replicates: np.ndarray | None = None
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
    out = Estimate(names, table, blank, blank, mean, np.nan, np.nan, pooled, codes, notes=notes)
    out.won = grouped.won_pairs(ranks, sentences.positive, codes, groups)
    reason = no_interval(scored, interval)
    if reason:
        notes.append(f"no interval: {reason}")
    elif interval is not None:
        _add_interval(out, scored, ranks, interval, confidence, replicates, seed)
    return out


def _add_interval(out, scored, ranks, interval, confidence, replicates, seed) -> None:
    positive, image = scored.sentences.positive, scored.sentences.image
    groups, images = len(out.table.auroc), len(image.names)
    estimates = np.append(out.table.auroc, out.mean)
    if interval == "analytic":
        out.influence = clustered.influence(
            out.won, out.table.auroc, positive, out.codes, image.codes, images
        )
        variance = np.append(clustered.variances(out.influence), clustered.variance_of_mean(out.influence))
        low, high = clustered.interval(estimates, variance, confidence)
    else:
        steps = bootstrap.plan(ranks, positive, out.codes, groups, image.codes, images)
        out.replicates = bootstrap.replicate([steps], replicates, seed)[0]
        drawn = np.column_stack((out.replicates, bootstrap.mean_over_groups(out.replicates)))
        if interval == "bootstrap":
            low, high = bootstrap.percentile(drawn, confidence)
        else:
            left_out = jackknife(ranks, out.won, positive, out.codes, groups, image.codes, images)
            low, high = bootstrap.bca(drawn, estimates, left_out, confidence)
        undefined = int(np.isnan(drawn).any(axis=1).sum())
        if undefined:
            out.notes.append(
                f"{undefined} of {replicates} replicates lack a class somewhere and are left out there"
            )
    out.low, out.high = low[:-1], high[:-1]
    out.mean_low, out.mean_high = float(low[-1]), float(high[-1])


def jackknife(ranks, won, positive, codes, groups: int, image, images: int) -> np.ndarray:
    """AUROC (i, g + 1) of each captioner and their mean without each image; exact.

    An image takes with it the pairs won by its positives, those won against its negatives, and counts its
    inner pairs, which are in both, once.
    """
    cell = np.where(codes < 0, -1, codes * images + image)
    within = grouped.group_table(ranks, positive, cell, groups * images)
    inner = np.nan_to_num(within.auroc) * within.positives * within.negatives
    p, n, w = (part.reshape(groups, images) for part in (within.positives, within.negatives, inner))
    cells = 2 * cell + positive + 2
    sums = np.bincount(cells, won, 2 * groups * images + 2)[2:].reshape(groups, images, 2)
    taken = sums.sum(axis=2) - w
    total_p, total_n, wins = (part.sum(axis=1, keepdims=True) for part in (p, n, sums[:, :, 1]))
    with np.errstate(invalid="ignore", divide="ignore"):
        left_out = ((wins - taken) / ((total_p - p) * (total_n - n))).T
    return np.column_stack((left_out, bootstrap.mean_over_groups(left_out)))


def _captioners(sentences) -> tuple[tuple[str, ...], np.ndarray]:
    if sentences.captioner is None:
        return (), np.zeros(len(sentences), np.int64)
    return sentences.captioner.names, sentences.captioner.codes


def no_interval(scored: Scored, interval: str | None) -> str | None:
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
