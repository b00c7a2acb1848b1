"""The two results that the metric gives: flat numbers for logging, and everything in one nested dict."""

import math

import numpy as np

from . import diagnostics
from .checks import as_scores, check_columns
from .estimates import Estimate, estimate, no_interval, one_class_notes
from .ranking import auroc
from .results import Result
from .scored import Scored, apply_policy
from .self_preference import self_preference
from .sentences import Sentences
from .signature import signature


def summarize(
    predictions,
    references,
    missing="error",
    interval="analytic",
    confidence=0.95,
    replicates=1000,
    seed=0,
    **columns,
) -> Result:
    """AUROC per captioner, mean and pooled, as flat numbers.

    Args:
        predictions: scores (n,), higher = better aligned, None or NaN where missing.
        references: (n,) 0 = incorrect, 1 = correct, 2 = unknown; or `Sentences`, which are checked once
            for many detectors.
        missing: "error", "worst" or "drop", see `scored.apply_policy`.
        interval, confidence, replicates, seed: see `estimates.estimate`.
        columns: `captioner`, `image_id` and the others of `checks.check_columns`.

    Returns `auroc` (mean over captioners), `auroc_low`, `auroc_high`, `auroc_pooled`, for each captioner
    `auroc_NAME`, `auroc_NAME_low`, `auroc_NAME_high`, and the counts `n`, `n_correct`, `n_incorrect`,
    `n_unknown`, `n_missing`. All AUROCs are in [0, 1].
    """
    scored = _scored(predictions, references, missing, confidence, columns)
    sentences = scored.sentences
    names: tuple[str, ...] = ()
    if sentences.captioner is None and sentences.image is None:
        numbers, notes = _ungrouped(scored, interval)
    else:
        found = estimate(*scored.by_score(), interval, confidence, replicates, seed)
        names, numbers, notes = found.names, _head(found) | _by_captioner(found), found.notes
    stamp = signature(scored, aggregation(names), interval, confidence, replicates, seed)
    return Result(numbers | _counts(scored), stamp, [*scored.notes, *notes], names)


def diagnose(
    predictions,
    references,
    missing="error",
    interval="analytic",
    confidence=0.95,
    replicates=1000,
    seed=0,
    own_captioners=None,
    **columns,
) -> Result:
    """Everything that the columns allow, as one nested dict that JSON can hold.

    The arguments are those of `summarize`, and `own_captioners`, names of the captioners that are the
    detector's own model, for the part `self_preference`.

    Returns the mean's and the pooled numbers and counts of `summarize` on top, and the parts `captioners`
    and `pooled` (AUROC, counts and `diagnostics.MEASURES`), `mean` (the measures' mean over captioners),
    `position`, `types`, `domain`, `self_preference` (None where the columns do not allow it), `notes` (what
    was left out and why) and `signature`.
    """
    scored, ranks = _scored(predictions, references, missing, confidence, columns).by_score()
    found = estimate(scored, ranks, interval, confidence, replicates, seed)
    stamp = signature(scored, aggregation(found.names), interval, confidence, replicates, seed)
    points = diagnostics.operating_points(scored, found)
    _by_captioner(found)  # refuses names that a saved result could not tell apart
    out = _head(found) | _counts(scored)
    out["captioners"] = {name: _captioner(found, points, code) for code, name in enumerate(found.names)}
    out["mean"] = {"auroc": found.mean} | _measures(diagnostics.mean_over_captioners(points[:-1]))
    out["pooled"] = {"auroc": found.pooled} | _measures(points[-1])
    notes = [*scored.notes, *found.notes]
    out |= _parts(scored, found, own_captioners, confidence, notes)
    if scored.probabilities is None and len(scored.sentences):
        notes.append("brier and ece: left out, as scores are not all in [0, 1]")
    return Result(out | {"notes": notes, "signature": stamp}, stamp, notes)


def check_confidence(confidence: float) -> None:
    """Raise ValueError unless it is a share strictly between 0 and 1."""
    if not 0 < confidence < 1:
        raise ValueError(f"confidence: expected a number between 0 and 1, got {confidence!r}")


def aggregation(names: tuple[str, ...]) -> str:
    """What `auroc` is, for the signature."""
    return f"mean over {len(names)} captioners" if names else "all sentences together"


def _scored(predictions, references, missing: str, confidence: float, columns: dict) -> Scored:
    """The checked rows that count."""
    check_confidence(confidence)
    if isinstance(references, Sentences) and columns:
        raise ValueError(f"expected no columns beside checked Sentences, got {', '.join(columns)}")
    rows = references if isinstance(references, Sentences) else check_columns(references, **columns)
    return apply_policy(as_scores(predictions, len(rows)), rows, missing)


def _ungrouped(scored: Scored, interval: str | None) -> tuple[dict, list[str]]:
    """Numbers and notes where there are no captioners and no images: the sort of values alone is faster."""
    reason = no_interval(scored, interval)
    notes = one_class_notes((), np.bincount(scored.sentences.positive, minlength=2)[None])
    if reason and len(scored.sentences):
        notes.append(f"no interval: {reason}")
    value, nan = auroc(scored.scores, scored.sentences.positive), float("nan")
    return {"auroc": value, "auroc_low": nan, "auroc_high": nan, "auroc_pooled": value}, notes


def _parts(scored: Scored, found: Estimate, own_captioners, confidence, notes: list[str]) -> dict:
    """The parts that need a column of their own; notes say which are left out."""
    sentences = scored.sentences
    out: dict = dict.fromkeys(("position", "types", "domain", "self_preference"))
    for part, column in (("position", "position"), ("types", "types"), ("domain", "domain")):
        if getattr(sentences, column) is None:
            notes.append(f"{part}: left out, as the column is not known")
    if sentences.captioner is None:
        notes.append(
            "captioners: left out, as the column is not known; all sentences count as one captioner's"
        )
    else:
        notes += _unplaced("captioners", sentences.captioner.codes)
    if sentences.position is not None:
        out["position"] = diagnostics.by_position(scored, found, sentences.position)
        notes += _unplaced("position", sentences.position)
    if sentences.domain is not None:
        out["domain"] = diagnostics.by_domain(scored, found, sentences.domain)
        notes += _unplaced("domain", sentences.domain.codes)
    if sentences.types is not None:
        out["types"] = diagnostics.by_type(scored, found, sentences.types)
        notes += diagnostics.type_notes(scored, sentences.types)
    if own_captioners is not None:
        out["self_preference"] = self_preference(scored, found, own_captioners, confidence)
        if math.isnan(out["self_preference"]["auroc_ratio"]):
            notes.append("self_preference: no ratio, as own or other captioners have no AUROC here")
    else:
        notes.append("self_preference: left out, as own_captioners is not given")
    return out


def _unplaced(part: str, codes: np.ndarray) -> list[str]:
    count = int(np.count_nonzero(codes < 0))
    return [f"{part}: {count} sentences are left out, as theirs is not known"] if count else []


def _head(found: Estimate) -> dict:
    return {
        "auroc": found.mean,
        "auroc_low": found.mean_low,
        "auroc_high": found.mean_high,
        "auroc_pooled": found.pooled,
    }


def _by_captioner(found: Estimate) -> dict:
    out: dict = {}
    for name, *limits in (
        zip(found.names, found.auroc.tolist(), found.low.tolist(), found.high.tolist(), strict=True)
        if found.names
        else ()
    ):
        keys = (f"auroc_{name}", f"auroc_{name}_low", f"auroc_{name}_high")
        if any(key in out or key in ("auroc_low", "auroc_high", "auroc_pooled") for key in keys):
            raise ValueError(f"captioner: the name {name!r} collides with another result's; rename it")
        out.update(zip(keys, limits, strict=True))
    return out


def _counts(scored: Scored) -> dict:
    correct = int(np.count_nonzero(scored.sentences.positive))
    return {
        "n": len(scored.sentences),
        "n_correct": correct,
        "n_incorrect": len(scored.sentences) - correct,
        "n_unknown": scored.unknown,
        "n_missing": scored.missing,
    }


def _captioner(found: Estimate, points: np.ndarray, code: int) -> dict:
    return {
        "auroc": float(found.auroc[code]),
        "auroc_low": float(found.low[code]),
        "auroc_high": float(found.high[code]),
        "n_correct": int(found.by_captioner.sizes[code, 1]),
        "n_incorrect": int(found.by_captioner.sizes[code, 0]),
    } | _measures(points[code])


def _measures(points: np.ndarray) -> dict:
    return dict(zip(diagnostics.MEASURES, points.tolist(), strict=True))
