"""How well annotators agree with each other, and with what is known."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from alignbench_tools import verify
from alignbench_tools.annotation.items import Item
from alignbench_tools.annotation.votes import CHOICES, Vote


class Annotator(NamedTuple):
    """One annotator's record.

    `agreement` is the share of the other votes on the same sentences that are the same, in [0, 1], None
    without others; `gold_right` of `gold` sentences with a known label were judged as known.
    """

    name: str
    votes: int
    agreement: float | None
    gold: int
    gold_right: int


def fleiss(models: Sequence[str], counts: np.ndarray) -> dict[str, dict[str, float]]:
    """The rows of `fleiss_by_model.csv`: N_items, kappa, P_bar and P_e by captioner (Fleiss 1971).

    Args:
        models: (n,) captioner of each sentence.
        counts: (n, 3) votes for correct, incorrect, unknown. Sentences with fewer than two votes count as
            items and have no part in the agreement; what is undefined is left out.
    """
    names = list(dict.fromkeys(models))
    place = {name: index for index, name in enumerate(names)}
    groups = np.array([place[model] for model in models], dtype=np.int64)
    figures = verify.fleiss(groups, counts, counts.sum(axis=1) >= 2, names)
    figures["N_items"] = {name: int(number) for name, number in figures["N_items"].items()}
    return {name: {key: values[name] for key, values in figures.items() if name in values} for name in names}


def krippendorff_alpha(counts: np.ndarray) -> float | None:
    """Krippendorff's alpha for nominal data from (n, 3) votes; None where nothing varies.

    Krippendorff, Content Analysis (2004), chapter 11, by the package `krippendorff`, without which this is
    a ValueError.
    """
    try:
        import krippendorff
    except ImportError:
        raise ValueError("alpha needs krippendorff: pip install 'alignbench[annotation]'") from None
    rated = counts[counts.sum(axis=1) >= 2]
    if (rated.sum(axis=0) > 0).sum() < 2:
        return None
    return float(krippendorff.alpha(value_counts=rated, level_of_measurement="nominal"))


def annotators(votes: Mapping[str, Sequence[Vote]], items: Mapping[str, Item]) -> list[Annotator]:
    """The record of every annotator over `votes` by item key, in order of name."""
    same: dict[str, list[int]] = {}
    gold: dict[str, list[bool]] = {}
    number: dict[str, int] = {}
    for key, given in votes.items():
        counts = {choice: sum(vote.choice == choice for vote in given) for choice in CHOICES}
        known = items[key].gold
        for vote in given:
            number[vote.annotator] = number.get(vote.annotator, 0) + 1
            agreeing, others = same.setdefault(vote.annotator, [0, 0])
            same[vote.annotator] = [agreeing + counts[vote.choice] - 1, others + len(given) - 1]
            if known is not None:
                gold.setdefault(vote.annotator, []).append(vote.choice == known)
    records = []
    for name in sorted(number, key=lambda name: (len(name), name)):
        agreeing, others = same[name]
        right = gold.get(name, [])
        share = agreeing / others if others else None
        records.append(Annotator(name, number[name], share, len(right), sum(right)))
    return records


def table(records: Sequence[Annotator]) -> str:
    """The records as lines of text."""
    lines = [f"{'annotator':<12}{'votes':>8}{'agreement':>12}{'gold right':>14}"]
    for record in records:
        share = "" if record.agreement is None else f"{100 * record.agreement:.1f} %"
        right = f"{record.gold_right} of {record.gold}" if record.gold else ""
        lines.append(f"{record.name:<12}{record.votes:>8,}{share:>12}{right:>14}")
    return "\n".join(lines)


def as_numbers(values: Mapping[str, Any]) -> np.ndarray:
    """(n, 3) votes from verdicts by key."""
    return np.array([verdict.counts for verdict in values.values()], dtype=np.int64).reshape(-1, 3)
