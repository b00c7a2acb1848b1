"""The two results that the metric gives: flat numbers for logging, and everything in one nested dict."""

import numpy as np

from . import diagnostics
from .checks import as_scores, check_columns
from .estimates import Estimate, estimate
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
    scored, found, stamp = _estimated(
        predictions, references, missing, interval, confidence, replicates, seed, columns
    )
    return Result(_head(found) | _by_captioner(found) | _counts(scored), stamp, [*scored.notes, *found.notes])


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
    scored, found, stamp = _estimated(
        predictions, references, missing, interval, confidence, replicates, seed, columns
    )
    points = diagnostics.operating_points(scored, found)
    out = _head(found) | _counts(scored)
    out["captioners"] = {name: _captioner(found, points, code) for code, name in enumerate(found.names)}
    out["mean"] = {"auroc": found.mean} | _measures(diagnostics.mean_over_captioners(points[:-1]))
    out["pooled"] = {"auroc": found.pooled} | _measures(points[-1])
    notes = [*scored.notes, *found.notes]
    out |= _parts(scored, found, own_captioners, confidence, notes)
    if scored.probabilities is None and len(scored.sentences):
        notes.append("brier and ece: left out, as scores are not all in [0, 1]")
    return Result(out | {"notes": notes, "signature": stamp}, stamp, notes)


def score(predictions, references, missing: str, columns: dict) -> Scored:
    """The checked rows that count."""
    if isinstance(references, Sentences) and columns:
        raise ValueError(f"expected no columns beside checked Sentences, got {', '.join(columns)}")
    rows = references if isinstance(references, Sentences) else check_columns(references, **columns)
    return apply_policy(as_scores(predictions, len(rows)), rows, missing)


def aggregation(names: tuple[str, ...]) -> str:
    """What `auroc` is, for the signature."""
    return f"mean over {len(names)} captioners" if names else "all sentences together"


def _estimated(predictions, references, missing, interval, confidence, replicates, seed, columns):
    if not 0 < confidence < 1:
        raise ValueError(f"confidence: expected a number between 0 and 1, got {confidence!r}")
    scored, ranks = score(predictions, references, missing, columns).by_score()
    found = estimate(scored, ranks, interval, confidence, replicates, seed)
    stamp = signature(scored, aggregation(found.names), interval, confidence, replicates, seed)
    return scored, found, stamp


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
