"""The two results that the metric gives: flat numbers for logging, and everything."""

from . import grouped
from .checks import as_scores, check_columns
from .estimates import Estimate, estimate
from .results import Result
from .scored import Scored, apply_policy
from .sentences import Sentences
from .signature import signature

HEAD = ("auroc", "auroc_low", "auroc_high", "auroc_pooled")


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
        references: (n,) 0 = incorrect, 1 = correct, 2 = unknown; or `Sentences`, checked before.
        missing, interval, confidence, replicates, seed: as in `estimates.estimate`.
        columns: `captioner`, `image_id`, ... as in `checks.check_columns`.
    """
    scored = score(predictions, references, missing, columns)
    ranks = grouped.rank(scored.scores)
    found = estimate(scored, ranks, interval, confidence, replicates, seed)
    stamp = signature(scored, aggregation(found), interval, confidence, replicates, seed)
    return Result(flat(found, scored), stamp, [*scored.notes, *found.notes])


def score(predictions, references, missing: str, columns: dict) -> Scored:
    """The checked rows that count."""
    rows = references if isinstance(references, Sentences) else check_columns(references, **columns)
    return apply_policy(as_scores(predictions, len(rows)), rows, missing)


def flat(found: Estimate, scored: Scored) -> dict:
    """Numbers by name, `auroc` first."""
    out = {
        "auroc": found.mean,
        "auroc_low": found.mean_low,
        "auroc_high": found.mean_high,
        "auroc_pooled": found.pooled,
    }
    for code, name in enumerate(found.names):
        if f"auroc_{name}" in out or f"auroc_{name}_low" in out:
            raise ValueError(f"captioner: {name!r} collides with the name of a result; rename this captioner")
        out[f"auroc_{name}"] = float(found.table.auroc[code])
        out[f"auroc_{name}_low"] = float(found.low[code])
        out[f"auroc_{name}_high"] = float(found.high[code])
    return out | counts(scored)


def counts(scored: Scored) -> dict:
    correct = int(scored.sentences.positive.sum())
    return {
        "n": len(scored.sentences),
        "n_correct": correct,
        "n_incorrect": len(scored.sentences) - correct,
        "n_unknown": scored.unknown,
        "n_missing": scored.missing,
    }


def aggregation(found: Estimate) -> str:
    return f"mean over {len(found.names)} captioners" if found.names else "all sentences in one"


def diagnose(
    predictions,
    references,
    missing="error",
    interval="analytic",
    confidence=0.95,
    replicates=1000,
    seed=0,
    **columns,
) -> Result:
    """Everything that the columns given allow, as one nested dict; see `summarize` for the arguments."""
    scored = score(predictions, references, missing, columns)
    ranks = grouped.rank(scored.scores)
    found = estimate(scored, ranks, interval, confidence, replicates, seed)
    stamp = signature(scored, aggregation(found), interval, confidence, replicates, seed)
    notes = [*scored.notes, *found.notes]
    captioners = {
        name: {
            "auroc": float(found.table.auroc[code]),
            "auroc_low": float(found.low[code]),
            "auroc_high": float(found.high[code]),
            "n_correct": int(found.table.positives[code]),
            "n_incorrect": int(found.table.negatives[code]),
        }
        for code, name in enumerate(found.names)
    }
    head = {name: value for name, value in flat(found, scored).items() if name in HEAD}
    return Result(
        {**head, **counts(scored), "captioners": captioners, "notes": notes, "signature": stamp}, stamp, notes
    )
