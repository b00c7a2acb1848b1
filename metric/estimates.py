"""AUROC per captioner, their mean and the pooled one, with intervals."""

from dataclasses import dataclass, field

import numpy as np

from . import bootstrap, clustered
from .grouped import Grouped, Ranks, grouped
from .scored import Scored

METHODS = ("analytic", "bootstrap", "bca", None)


@dataclass
class Estimate:
    """AUROC (g,) of the captioners `names`, or of the only group there is if captioners are not known.

    `low`, `high` (g,), `mean_low`, `mean_high` are limits of the interval, NaN where there is none.
    `mean` is the unweighted mean over the captioners with both classes (the paper's Avg.). `by_captioner`
    and `together` rank the rows within captioners and overall; `influence` is there for the
    analytic interval, `replicates` (b, g) for the others.
    """

    names: tuple[str, ...]
    by_captioner: Grouped
    auroc: np.ndarray
    low: np.ndarray
    high: np.ndarray
    mean: float
    mean_low: float
    mean_high: float
    pooled: float
    together: Grouped
    influence: clustered.Influence | None = None
    replicates: np.ndarray | None = None
    notes: list[str] = field(default_factory=list)


def estimate(
    scored: Scored,
    ranks: Ranks,
    interval: str | None = "analytic",
    confidence: float = 0.95,
    replicates: int = 1000,
    seed: int = 0,
) -> Estimate:
    """AUROC of every captioner, mean and pooled.

    Args:
        scored, ranks: from `Scored.by_score`.
        interval: "analytic" (Obuchowski 1997), "bootstrap" (percentile, over images), "bca" or None.
        confidence: of the interval, in (0, 1).
        replicates, seed: of the bootstraps.
    """
    sentences = scored.sentences
    names, codes = _captioners(sentences)
    groups = max(len(names), 1)
    by_captioner = together = grouped(ranks, sentences.positive, codes, groups)
    if names:
        together = grouped(ranks, sentences.positive, np.zeros(len(codes), np.int32), 1)
    auroc = by_captioner.auroc
    notes = one_class_notes(names, by_captioner.sizes)
    blank = np.full(groups, np.nan)
    defined = auroc[~np.isnan(auroc)]
    mean = float(defined.mean()) if len(defined) else float("nan")
    pooled = float(together.auroc[0])
    out = Estimate(
        names, by_captioner, auroc, blank, blank, mean, np.nan, np.nan, pooled, together, notes=notes
    )
    reason = no_interval(scored, interval)
    if interval is None or not len(sentences):
        return out
    if reason:
        notes.append(f"no interval: {reason}")
    else:
        _add_interval(out, scored, ranks, interval, confidence, replicates, seed)
    return out


def _add_interval(out, scored, ranks, interval, confidence, replicates, seed) -> None:
    positive, image = scored.sentences.positive, scored.sentences.image
    codes, groups, images = out.by_captioner.codes, len(out.auroc), len(image.names)
    estimates = np.append(out.auroc, out.mean)
    if interval == "analytic":
        out.influence = clustered.influence(out.by_captioner, image.codes, images)
        variance = np.append(clustered.variances(out.influence), clustered.variance_of_mean(out.influence))
        low, high = clustered.interval(estimates, variance, confidence)
    else:
        steps = bootstrap.plan(ranks, positive, codes, groups, image.codes, images)
        out.replicates = bootstrap.replicate([steps], replicates, seed)[0]
        drawn = np.column_stack((out.replicates, bootstrap.mean_over_groups(out.replicates)))
        if interval == "bootstrap":
            low, high = bootstrap.percentile(drawn, confidence)
        else:
            low, high = bootstrap.bca(
                drawn, estimates, jackknife(out.by_captioner, image.codes, images), confidence
            )
        undefined = int(np.isnan(drawn).any(axis=1).sum())
        if undefined:
            out.notes.append(
                f"{undefined} of {replicates} replicates lack a class somewhere and are left out there, "
                "and of the mean"
            )
    out.low, out.high = low[:-1], high[:-1]
    out.notes += no_limits_notes(out)
    out.mean_low, out.mean_high = float(low[-1]), float(high[-1])


def jackknife(by_group: Grouped, image: np.ndarray, images: int) -> np.ndarray:
    """AUROC (i, g + 1) of each captioner and their mean without each image; exact.

    An image takes with it the pairs won by its positives, those won against its negatives, and counts its
    inner pairs, which are in both, once.
    """
    groups, codes, positive = by_group.groups, by_group.codes, by_group.positive
    cell = np.where(codes < 0, -1, codes.astype(np.int64) * images + image)
    within = grouped(by_group.ranks, positive, cell, groups * images)
    n, p = within.sizes.reshape(groups, images, 2).transpose(2, 0, 1)
    sums = np.bincount(2 * cell + positive + 2, by_group.won_pairs(), 2 * groups * images + 2)[2:]
    sums = sums.reshape(groups, images, 2)
    taken = sums.sum(axis=2) - within.wins.reshape(groups, images) / 2
    total_p, total_n, wins = (part.sum(axis=1, keepdims=True) for part in (p, n, sums[:, :, 1]))
    with np.errstate(invalid="ignore", divide="ignore"):
        left_out = ((wins - taken) / ((total_p - p) * (total_n - n))).T
    return np.column_stack((left_out, bootstrap.mean_over_groups(left_out)))


def _captioners(sentences) -> tuple[tuple[str, ...], np.ndarray]:
    if sentences.captioner is None:
        return (), np.zeros(len(sentences), np.int64)
    return sentences.captioner.names, sentences.captioner.codes


def no_interval(scored: Scored, interval: str | None) -> str | None:
    """Why there is no interval; None if there is one, or none was asked for."""
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


def no_limits_notes(out: Estimate) -> list[str]:
    """Which captioners with an AUROC have no interval, although one was asked for."""
    blank = np.flatnonzero(~np.isnan(out.auroc) & np.isnan(out.low))
    who = ", ".join(repr(out.names[code]) for code in blank) if out.names else "all sentences"
    if not len(blank):
        return []
    return [
        f"no interval for {who}, nor for a mean that has it in: a class is on one image only, or no score "
        "is ever on the wrong side"
    ]


def one_class_notes(names: tuple[str, ...], sizes: np.ndarray) -> list[str]:
    """Which groups lack a class, from their numbers of negatives and positives (g, 2)."""
    notes = []
    for code in np.flatnonzero((sizes == 0).any(axis=1)):
        if names:
            lack = "correct" if not sizes[code, 1] else "incorrect"
            notes.append(f"captioner {names[code]!r}: no {lack} sentence, so AUROC is NaN, not in the mean")
        elif sizes[code].any():
            lack = "correct" if not sizes[code, 1] else "incorrect"
            notes.append(f"no {lack} sentence, so AUROC is NaN")
    return notes
