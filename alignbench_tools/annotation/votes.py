"""From votes to verdicts: the majority's label, and the words that most of those who object agree on."""

import itertools
import warnings
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from alignbench import HALLUCINATION_TYPES

CHOICES = ("correct", "incorrect", "unknown")


class Mark(NamedTuple):
    """Wrong words: code points `start` to `end` of the sentence, and their hallucination type, if named."""

    start: int
    end: int
    type: str | None


class Vote(NamedTuple):
    """What one annotator said of one sentence: one of CHOICES and, if incorrect, the wrong words."""

    annotator: str
    choice: str
    marks: tuple[Mark, ...] = ()


class Verdict(NamedTuple):
    """What the votes on a sentence come to.

    `counts` has the number of votes for each of CHOICES; `doubts` are the reasons to ask an adjudicator.
    """

    label: str
    spans: tuple[Mark, ...]
    counts: tuple[int, int, int]
    doubts: tuple[str, ...] = ()

    @property
    def agreement(self) -> float | None:
        """Share of the votes that the most frequent choice has; None without votes."""
        return max(self.counts) / sum(self.counts) if sum(self.counts) else None

    @property
    def fleiss_pi(self) -> float | None:
        """P_i of Fleiss (1971): the share of pairs of annotators that agree; None under two votes."""
        n = sum(self.counts)
        return sum(count * (count - 1) for count in self.counts) / (n * (n - 1)) if n > 1 else None


def judge(sentence: str, votes: Sequence[Vote], label: str | None = None) -> Verdict:
    """The verdict of `votes`: the label of most of them, as in the paper, where a tie is unknown.

    `label` is taken in place of the majority's, if given. Only an incorrect sentence has spans.
    """
    counts = Counter(vote.choice for vote in votes)
    number = tuple(counts[choice] for choice in CHOICES)
    doubts = []
    if label is None:
        label = majority(counts)
        if votes and number.count(max(number)) > 1:
            doubts.append("tied label")
    spans: tuple[Mark, ...] = ()
    if label == "incorrect":
        spans, doubt = common_marks(sentence, [vote.marks for vote in votes if vote.choice == "incorrect"])
        doubts += doubt
    return Verdict(label, spans, number, tuple(doubts))  # type: ignore[arg-type]


def majority(counts: Mapping[str, int]) -> str:
    """The most frequent choice, ``unknown`` where several are or there is none."""
    most = max(counts.values(), default=0)
    first = [choice for choice, count in counts.items() if count == most and count]
    return first[0] if len(first) == 1 else "unknown"


def common_marks(sentence: str, marks: Sequence[Sequence[Mark]]) -> tuple[tuple[Mark, ...], list[str]]:
    """The spans that most annotators marked, and what is in doubt about them.

    A character is wrong if more than half of the annotators marked it, and of the type that most of those
    gave it; a tie falls to the type that is more frequent in the sentence's marks, then to the first in the
    order of the schema. Neighbours of one type are one span, without white space at its ends.

    Args:
        sentence: the sentence.
        marks: the marks of each annotator who said incorrect, within the sentence.
    """
    cuts = sorted({at for given in marks for mark in given for at in (mark.start, mark.end)})
    overall = Counter(mark.type for given in marks for mark in given if mark.type)
    spans: list[Mark] = []
    tied = False
    for start, end in itertools.pairwise(cuts):
        covering = [
            {mark.type for mark in given if mark.start <= start and end <= mark.end} for given in marks
        ]
        if 2 * sum(map(bool, covering)) <= len(marks):
            continue
        kind, clear = _type(Counter(kind for kinds in covering for kind in kinds if kind), overall)
        tied |= not clear and bool(sentence[start:end].strip())
        if spans and spans[-1].end == start and spans[-1].type == kind:
            spans[-1] = Mark(spans[-1].start, end, kind)
        else:
            spans.append(Mark(start, end, kind))
    found = tuple(mark for mark in (_trimmed(sentence, span) for span in spans) if mark.start < mark.end)
    doubts = ["tied type"] if tied else []
    return found, doubts if found else ["no common words"]


def _type(here: Counter[str], overall: Counter[str]) -> tuple[str, bool]:
    """The type of a character, and whether most annotators agree on it."""
    if not here:
        return "Other", False
    ranked = sorted(here, key=lambda kind: (-here[kind], -overall[kind], HALLUCINATION_TYPES.index(kind)))
    return ranked[0], len(ranked) == 1 or here[ranked[0]] > here[ranked[1]]


def _trimmed(sentence: str, mark: Mark) -> Mark:
    text = sentence[mark.start : mark.end]
    start = mark.start + len(text) - len(text.lstrip())
    return Mark(start, max(start, mark.start + len(text.rstrip())), mark.type)


def dawid_skene(votes: Mapping[str, Iterable[Vote]], iterations: int = 100) -> dict[str, str]:
    """Labels by Dawid & Skene (1979): each annotator's confusions are estimated along with the labels.

    `votes` are those on each sentence, by its id; sentences without votes get no label. Needs crowd-kit.
    """
    try:
        import pandas as pd
        from crowdkit.aggregation import DawidSkene
    except ImportError:
        raise ValueError("Dawid-Skene needs crowd-kit: pip install 'alignbench[annotation]'") from None
    rows: list[tuple[str, str, Any]] = [
        (name, vote.annotator, vote.choice) for name, given in votes.items() for vote in given
    ]
    if not rows:
        return {}
    table = pd.DataFrame(rows, columns=["task", "worker", "label"])
    with warnings.catch_warnings():
        # crowd-kit 1.4 writes what pandas 3 deprecates.
        warnings.simplefilter("ignore", DeprecationWarning)
        found = DawidSkene(n_iter=iterations).fit_predict(table)
    return {str(name): str(label) for name, label in found.items()}
