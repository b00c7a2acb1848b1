"""Is one detector better than another? Differences on the same sentences, tested with images as units.

Paired cluster bootstrap (both detectors in the same draws of images), DeLong's test, which takes sentences as
independent, Holm's correction (Holm, Scandinavian Journal of Statistics 6, 1979) for many pairs.
"""

import math
from itertools import combinations

import numpy as np
from scipy.special import ndtr

from . import bootstrap
from .checks import as_scores, check_columns
from .delong import delong
from .estimates import Estimate, estimate, no_interval
from .results import Result, row
from .scored import Scored, apply_policy
from .sentences import Sentences
from .signature import signature
from .summary import aggregation, check_confidence


class Comparison(Result):
    """`mean` and `captioners`, each with `auroc_a`, `auroc_b`, `difference` (a - b), `low`, `high`, `p`
    (two-sided, paired cluster bootstrap) and `p_delong`."""

    def _table(self) -> list[str]:
        rows = {"mean difference": self["mean"], **self["captioners"]}
        return [
            f"{row(name, cells['difference'], cells['low'], cells['high'])}  p {cells['p']:.4f}"
            for name, cells in rows.items()
        ]


class Ranking(Result):
    """`detectors`, best first, each with `auroc`, `low`, `high`, `rank`, `rank_low`, `rank_high`; `pairs`,
    each with `a`, `b`, `difference`, `low`, `high`, `p`, `p_holm`."""

    def _table(self) -> list[str]:
        return [
            f"{row(name, cells['auroc'], cells['low'], cells['high'])}  rank {cells['rank']}"
            + (f", {cells['rank_low']}-{cells['rank_high']}" if not math.isnan(cells["rank_low"]) else "")
            for name, cells in self["detectors"].items()
        ]


def compare(
    a, b, references, missing="error", confidence=0.95, replicates=1000, seed=0, **columns
) -> Comparison:
    """Detector a against detector b, per captioner and in the mean.

    Args:
        a, b: scores (n,) of the same sentences in the same order.
        references, columns, missing: as in `summary.summarize`; `missing="drop"` leaves out a sentence that
            either detector has no score for.
        confidence: of the intervals, in (0, 1).
        replicates, seed: of the bootstrap.

    The bootstrap's p is twice the smaller share of replicates on one side of zero, never below
    2 / (replicates + 1). DeLong's p of the mean takes the captioners as independent of each other.
    """
    check_confidence(confidence)
    rows, scored = _on_the_same_rows({"a": a, "b": b}, references, missing, columns)
    ranked = [each.by_score() for each in scored]
    found = [estimate(*each, None) for each in ranked]
    groups = len(found[0].auroc)
    notes = [*scored[0].notes, *found[0].notes]
    drawn = _replicates(ranked, found, replicates, seed, notes)
    p_delong = _delong_p(scored, groups)
    aurocs = np.array([[*each.auroc, each.mean] for each in found])
    cells = []
    for number, (auroc_a, auroc_b) in enumerate(aurocs.T.tolist()):
        cell = {"auroc_a": auroc_a, "auroc_b": auroc_b, "difference": auroc_a - auroc_b}
        cell |= {"low": math.nan, "high": math.nan, "p": math.nan}
        if drawn is not None:
            cell |= _paired(drawn[0, :, number] - drawn[1, :, number], confidence)
        cells.append(cell | {"p_delong": p_delong[number]})
    stamp = signature(scored[0], aggregation(found[0].names), "bootstrap", confidence, replicates, seed)
    values = {
        "mean": cells[-1],
        "captioners": dict(zip(found[0].names, cells[:-1], strict=False)),
        "n": len(rows),
    }
    return Comparison(values, stamp, notes)


def rank_detectors(
    detectors: dict, references, missing="error", confidence=0.95, replicates=1000, seed=0, **columns
) -> Ranking:
    """Detectors by their mean AUROC, with the uncertainty of the ranks, and all pairs.

    Args:
        detectors: {name: scores (n,)} of the same sentences in the same order, two or more.
        The others as in `compare`.

    `rank` is 1 for the best, `rank_low` to `rank_high` the interval of the rank over the replicates. As a
    counted p cannot get below 2 / (replicates + 1), too much for many pairs, the pairs' p is that of the
    difference over its bootstrap standard error; `p_holm` corrects for the number of pairs.
    """
    if len(detectors) < 2:
        raise ValueError(f"detectors: expected two or more, got {len(detectors)}")
    check_confidence(confidence)
    rows, scored = _on_the_same_rows(detectors, references, missing, columns)
    ranked = [each.by_score() for each in scored]
    found = [estimate(*each, None) for each in ranked]
    notes = [*scored[0].notes, *found[0].notes]
    drawn = _replicates(ranked, found, replicates, seed, notes)
    means = np.array([each.mean for each in found])
    drawn_means = None if drawn is None else drawn[:, :, -1].T
    order = np.argsort(-means, kind="stable")
    names = list(detectors)
    values = {
        "detectors": {names[one]: _ranked(means, drawn_means, one, confidence) for one in order.tolist()},
        "pairs": _pairs(names, means, drawn_means, order.tolist(), confidence),
        "n": len(rows),
    }
    stamp = signature(scored[0], aggregation(found[0].names), "bootstrap", confidence, replicates, seed)
    return Ranking(values, stamp, notes)


def holm(p_values) -> np.ndarray:
    """Holm's adjusted p-values (m,): reject where one is at most the level, and the family's error holds it.

    NaN stays NaN and does not count.
    """
    p_values = np.asarray(p_values, float)
    out = np.full(len(p_values), np.nan)
    order = np.argsort(p_values)[: np.count_nonzero(~np.isnan(p_values))]
    factors = np.arange(len(order), 0, -1)
    out[order] = np.minimum(np.maximum.accumulate(factors * p_values[order]), 1)
    return out


def _on_the_same_rows(
    detectors: dict, references, missing: str, columns: dict
) -> tuple[Sentences, list[Scored]]:
    rows = references if isinstance(references, Sentences) else check_columns(references, **columns)
    scores = np.array([as_scores(each, len(rows)) for each in detectors.values()])
    if missing == "drop":
        scores[:, np.isnan(scores).any(axis=0)] = np.nan
    scored = [apply_policy(each, rows, missing) for each in scores]
    return scored[0].sentences, scored


def _replicates(ranked: list, found: list[Estimate], replicates, seed, notes) -> np.ndarray | None:
    """AUROC (d, b, g + 1) of all detectors in the same draws, the mean last; None without images."""
    first = ranked[0][0]
    reason = no_interval(first, "bootstrap")
    if reason or not len(first.sentences):
        notes.append(f"no interval, no p: {reason or 'no sentence is left'}")
        return None
    plans = []
    for (scored, ranks), each in zip(ranked, found, strict=True):
        groups, image = each.by_captioner, scored.sentences.image
        plans.append(
            bootstrap.plan(ranks, groups.positive, groups.codes, groups.groups, image.codes, len(image.names))
        )
    drawn = bootstrap.replicate(plans, replicates, seed)
    return np.concatenate((drawn, bootstrap.mean_over_groups(drawn)[:, :, None]), axis=2)


def _paired(differences: np.ndarray, confidence: float) -> dict:
    """Percentile interval and two-sided p of replicated differences."""
    known = differences[~np.isnan(differences)]
    if not len(known):
        return {"low": math.nan, "high": math.nan, "p": math.nan}
    low, high = np.quantile(known, [(1 - confidence) / 2, (1 + confidence) / 2]).tolist()
    side = min(np.count_nonzero(known <= 0), np.count_nonzero(known >= 0))
    return {"low": low, "high": high, "p": min(1.0, 2 * (side + 1) / (len(known) + 1))}


def _delong_p(scored: list[Scored], groups: int) -> list[float]:
    """DeLong's two-sided p (g + 1) of the difference, per captioner and of the mean."""
    captioner = scored[0].sentences.captioner
    codes = np.zeros(len(scored[0].scores), int) if captioner is None else captioner.codes
    both, positive = np.stack([each.scores for each in scored]), scored[0].sentences.positive
    differences, variances = np.full(groups, np.nan), np.full(groups, np.nan)
    for group in range(groups):
        rows = codes == group
        auroc, covariance = delong(both[:, rows], positive[rows].astype(np.int64))
        differences[group] = auroc[0] - auroc[1]
        variances[group] = covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]
    known = ~np.isnan(differences)
    mean = differences[known].mean() if known.any() else math.nan
    spread = variances[known].sum() / max(known.sum(), 1) ** 2
    return [
        _normal_p(one, error)
        for one, error in zip([*differences, mean], np.sqrt(np.maximum([*variances, spread], 0)), strict=True)
    ]


def _normal_p(difference: float, error: float) -> float:
    """Two-sided p of a normal difference; two detectors that never differ are not different."""
    if math.isnan(difference) or math.isnan(error):
        return math.nan
    if error == 0:
        return 1.0 if difference == 0 else 0.0
    return float(2 * ndtr(-abs(difference) / error))


def _ranked(means: np.ndarray, drawn: np.ndarray | None, one: int, confidence: float) -> dict:
    cell = {"auroc": float(means[one]), "low": math.nan, "high": math.nan}
    cell |= {
        "rank": 1 + int(np.count_nonzero(means > means[one])),
        "rank_low": math.nan,
        "rank_high": math.nan,
    }
    if drawn is None:
        return cell
    levels = [(1 - confidence) / 2, (1 + confidence) / 2]
    known = drawn[~np.isnan(drawn[:, one])]
    if not len(known):
        return cell
    ranks = 1 + np.count_nonzero(known > known[:, [one]], axis=1)
    low, high = np.quantile(known[:, one], levels).tolist()
    best, worst = np.quantile(ranks, levels, method="inverted_cdf").astype(int).tolist()
    return cell | {"low": low, "high": high, "rank_low": best, "rank_high": worst}


def _pairs(
    names: list[str], means: np.ndarray, drawn: np.ndarray | None, order: list[int], confidence
) -> list[dict]:
    """All pairs, the better detector first."""
    out = []
    for one, other in combinations(order, 2):
        cell: dict = {"a": names[one], "b": names[other], "difference": float(means[one] - means[other])}
        cell |= {"low": math.nan, "high": math.nan, "p": math.nan}
        if drawn is not None:
            replicated = drawn[:, one] - drawn[:, other]
            paired = _paired(replicated, confidence)
            known = replicated[~np.isnan(replicated)]
            error = float(known.std(ddof=1)) if len(known) > 1 else math.nan
            cell |= {"low": paired["low"], "high": paired["high"], "p": _normal_p(cell["difference"], error)}
        out.append(cell)
    for cell, adjusted in zip(out, holm([cell["p"] for cell in out]).tolist(), strict=True):
        cell["p_holm"] = adjusted
    return out
