"""What a result was computed on and how: two results compare only if this agrees."""

VERSION = "0.1.0"


def signature(scored, aggregation: str, interval: str | None, confidence, replicates, seed) -> dict:
    """The signature of a result, JSON-serialisable.

    Args:
        scored: `scored.Scored`.
        aggregation: what `auroc` is, such as "mean over 8 captioners".
        interval: "analytic", "bootstrap", "bca" or None.
        confidence, replicates, seed: of the interval; the last two are kept for bootstraps only.
    """
    drawn = interval in ("bootstrap", "bca")
    return {
        "metric": "alignbench_auroc",
        "version": VERSION,
        "positive": "correct",
        "ties": "half",
        "aggregation": aggregation,
        "unknown": "dropped",
        "missing": scored.policy,
        "interval": interval,
        "confidence": confidence if interval else None,
        "replicates": replicates if drawn else None,
        "seed": seed if drawn else None,
        "n": len(scored.sentences),
        "n_missing": scored.missing,
        "labels": scored.benchmark,
    }


def differences(one: dict, other: dict) -> list[str]:
    """Where two signatures disagree, as lines "field: value / value"."""
    fields = [*one, *(field for field in other if field not in one)]
    # How many scores were missing belongs to the detector, unless dropping them changed the rows.
    fields = [field for field in fields if field != "n_missing"]
    return [
        f"{field}: {one.get(field)} / {other.get(field)}"
        for field in fields
        if one.get(field) != other.get(field)
    ]
