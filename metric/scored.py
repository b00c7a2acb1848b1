"""One detector's scores on the labelled sentences, with a written rule for missing ones."""

from dataclasses import dataclass, replace

import numpy as np

from .grouped import Ranks, rank
from .sentences import Sentences

POLICIES = ("error", "worst", "drop")


@dataclass(frozen=True, eq=False)
class Scored:
    """The n sentences that count, and their scores (n,) without NaN.

    `absent` (n,) is True where a missing score was replaced by the worst, None if none was.
    `notes` say in words what was left out; `unknown` and `missing` how many rows that was.
    """

    sentences: Sentences
    scores: np.ndarray
    absent: np.ndarray | None
    missing: int
    unknown: int
    policy: str
    benchmark: str
    notes: tuple[str, ...]

    def by_score(self) -> tuple["Scored", Ranks]:
        """The same in the order of the scores, unless they are whole numbers that need none, and ranks."""
        order, ranks = rank(self.scores)
        if order is None:
            return self, ranks
        absent = None if self.absent is None else self.absent[order]
        moved = replace(
            self, sentences=self.sentences.take(order), scores=ranks.values[ranks.level], absent=absent
        )
        return moved, ranks

    @property
    def probabilities(self) -> np.ndarray | None:
        """Scores as probabilities of being correct, the missing ones wrong by 1; None if not in [0, 1]."""
        given = self.scores if self.absent is None else self.scores[~self.absent]
        if not len(given) or given.min() < 0 or given.max() > 1:
            return None
        return self.scores if self.absent is None else np.where(self.absent, self.worst, self.scores)

    @property
    def worst(self) -> np.ndarray:
        return 1.0 - self.sentences.positive


def apply_policy(scores: np.ndarray, sentences: Sentences, missing: str = "error") -> Scored:
    """Drop the unknown sentences and deal with missing scores.

    Args:
        scores: float64 (n,), NaN where one is missing.
        sentences: n of them.
        missing: "error" raises; "worst" puts the score below every other if the sentence is correct,
            above every other if it is incorrect, so that it cannot help; "drop" leaves the row out.
    """
    if missing not in POLICIES:
        raise ValueError(f"missing: expected one of {', '.join(POLICIES)}, got {missing!r}")
    kept = sentences.labelled
    unknown = len(sentences) - len(kept)
    notes = [f"{unknown} sentences labelled unknown were dropped"] if unknown else []
    scores = scores[sentences.known] if unknown else scores
    absent = np.isnan(scores)
    count = int(np.count_nonzero(absent))
    if count and missing == "error":
        row = int(np.flatnonzero(sentences.known)[np.argmax(absent)])
        raise ValueError(
            f"predictions: expected a score for every labelled sentence, got none for {count} of {len(kept)} "
            f'(first in row {row}); give missing="worst" to count them as wrong or missing="drop" to leave '
            "them out"
        )
    if count and missing == "drop":
        notes.append(f"{count} sentences without a score were dropped")
        scores, kept = scores[~absent], kept.take(np.flatnonzero(~absent))
    elif count:
        notes.append(f"{count} sentences without a score got the worst one")
        scores = _worst(scores, absent, kept.positive)
    if not len(kept):
        notes.append("no labelled sentence with a score is left: everything is undefined (NaN)")
    replaced = absent if count and missing == "worst" else None
    # What was dropped is the detector's doing: two results compare only if they are of the same rows.
    benchmark = kept.digest if count and missing == "drop" else sentences.digest
    return Scored(kept, scores, replaced, count, unknown, missing, benchmark, tuple(notes))


def _worst(scores: np.ndarray, absent: np.ndarray, positive: np.ndarray) -> np.ndarray:
    """A finite score one below the lowest or above the highest: whole numbers stay whole."""
    given = scores[~absent]
    lowest, highest = (given.min(), given.max()) if len(given) else (0.0, 0.0)
    below = min(lowest - 1, np.nextafter(lowest, -np.inf))
    above = max(highest + 1, np.nextafter(highest, np.inf))
    return np.where(absent, np.where(positive, below, above), scores)
