"""The most confident mistakes: incorrect sentences that score high, correct ones that score low."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from scipy.stats import rankdata

import alignbench
from alignbench_tools.reporting.data import Data
from alignbench_tools.reporting.inputs import Entry

CARDS = 60
DETECTORS = 3
# Of a detector's mistakes, the share that is correct sentences: they have no types to go through.
CORRECT_SHARE = 0.25
UNTYPED = "no type"
INCORRECT, CORRECT = alignbench.LABELS.index("incorrect"), alignbench.LABELS.index("correct")


class Piece(NamedTuple):
    """A stretch of a sentence, and the types of the wrong words that it is part of."""

    text: str
    types: tuple[str, ...]


@dataclass(frozen=True)
class Mistake:
    """A sentence that a detector is wrong about.

    `rank` of `total` is its place among the captioner's labelled sentences, 1 the highest score (of equal
    scores the best place); `beaten` is the share of the captioner's sentences of the other label whose score
    it is on the wrong side of, ties counting half.
    """

    row: int
    captioner: str
    label: int
    types: tuple[str, ...]
    pieces: tuple[Piece, ...]
    score: float
    rank: int
    total: int
    beaten: float


def choose(entries: Sequence[Entry], names: Sequence[str] | None = None) -> list[Entry]:
    """The entries whose mistakes are shown: `names`, by default the best few that have scores.

    Raises ValueError for a name that is not there or has no scores.
    """
    scored = [entry for entry in entries if entry.scores is not None]
    if names is None:
        best = sorted(scored, key=lambda entry: -np.nan_to_num(entry.result["auroc"], nan=-1.0))
        return best[:DETECTORS]
    found = {name: entry for entry in scored for name in (entry.header["detector"], entry.name)}
    absent = [name for name in names if name not in found]
    if absent:
        raise ValueError(
            f"--gallery {absent[0]}: expected a detector that scores are given of "
            f"({', '.join(entry.name for entry in scored) or 'there is none'})"
        )
    return list({found[name].name: found[name] for name in names}.values())


def mistakes(entry: Entry, data: Data, number: int) -> list[Mistake]:
    """Up to `number` mistakes, spread over types and captioners, the most confident of each first.

    An incorrect sentence counts that scores above a correct one of the same captioner, or the reverse: these
    are the pairs that an AUROC loses.
    """
    ranked = _rank(entry, data)
    wanted_correct = round(number * CORRECT_SHARE)
    strata = {label: _strata(ranked, label) for label in (INCORRECT, CORRECT)}
    correct = _spread(strata[CORRECT], wanted_correct)
    incorrect = _spread(strata[INCORRECT], number - len(correct))
    rows = [*incorrect, *_spread(strata[CORRECT], number - len(incorrect))]
    return [_mistake(row, ranked, entry, data) for row in rows]


class _Ranked(NamedTuple):
    """Of every sentence: captioner, label, types, and as in `Mistake` rank, total and beaten."""

    captioner: np.ndarray
    label: np.ndarray
    types: list[list[int]]
    rank: np.ndarray
    total: np.ndarray
    beaten: np.ndarray


def _rank(entry: Entry, data: Data) -> _Ranked:
    scores = entry.scores
    assert scores is not None  # `choose` takes no others
    label = data.sentences.labels
    use = data.sentences.known & ~np.isnan(scores)
    rank, total, beaten = np.zeros(len(scores), int), np.zeros(len(scores), int), np.zeros(len(scores))
    for name in entry.result["captioners"]:
        rows = np.flatnonzero(use & (data.captioner == name))
        rank[rows], total[rows] = rankdata(-scores[rows], method="min"), len(rows)
        for mine, other, sign in ((INCORRECT, CORRECT, 1), (CORRECT, INCORRECT, -1)):
            here, there = rows[label[rows] == mine], rows[label[rows] == other]
            beaten[here] = _share_below(sign * scores[here], np.sort(sign * scores[there]))
    types = data.table["hallucination_types"].to_pylist()
    return _Ranked(data.captioner, label, types, rank, total, beaten)


def _share_below(values: np.ndarray, others: np.ndarray) -> np.ndarray:
    """The share of `others` (sorted) below each of `values`, ties counting half."""
    ends = np.searchsorted(others, values, "left") + np.searchsorted(others, values, "right")
    return ends / max(2 * len(others), 1)


def _strata(ranked: _Ranked, label: int) -> dict[tuple[str, str], list[int]]:
    """{(captioner, type): rows of mistakes, the most confident first}; correct sentences have no type."""
    rows = np.flatnonzero((ranked.beaten > 0) & (ranked.label == label))
    # Several may beat all sentences of the other label: then the score decides, by way of the rank.
    place = ranked.rank[rows] if label == INCORRECT else -ranked.rank[rows]
    order = rows[np.lexsort((rows, place, -ranked.beaten[rows]))]
    strata: dict[tuple[str, str], list[int]] = {}
    for row in order.tolist():
        for kind in _type_names(ranked.types[row], label):
            strata.setdefault((ranked.captioner[row], kind), []).append(row)
    return strata


def _type_names(codes: Sequence[int | None], label: int) -> tuple[str, ...]:
    if label == CORRECT:
        return ("",)
    names = dict.fromkeys(alignbench.HALLUCINATION_TYPES[code] for code in codes if code is not None)
    return tuple(names) or (UNTYPED,)


def _spread(strata: Mapping[tuple[str, str], Sequence[int]], number: int) -> list[int]:
    """Rows from all strata in turn: next comes the type, then the captioner, that was shown least."""
    left = {key: list(rows) for key, rows in strata.items()}
    order = {key: place for place, key in enumerate(strata)}
    types: Counter[str] = Counter()
    captioners: Counter[str] = Counter()
    used: Counter[tuple[str, str]] = Counter()
    chosen: list[int] = []
    while left and len(chosen) < number:
        key = min(left, key=lambda k: (used[k], types[k[1]], captioners[k[0]], order[k]))
        row = left[key].pop(0)
        if not left[key]:
            del left[key]
        if row not in chosen:
            chosen.append(row)
            types[key[1]] += 1
            captioners[key[0]] += 1
            used[key] += 1
    return chosen


def _mistake(row: int, ranked: _Ranked, entry: Entry, data: Data) -> Mistake:
    assert entry.scores is not None
    label = int(ranked.label[row])
    sentence, spans = (data.table[name][row].as_py() for name in ("sentence", "spans"))
    return Mistake(
        row=row,
        captioner=ranked.captioner[row],
        label=label,
        types=() if label == CORRECT else _type_names(ranked.types[row], label),
        pieces=tuple(pieces(sentence, spans or ())),
        score=float(entry.scores[row]),
        rank=int(ranked.rank[row]),
        total=int(ranked.total[row]),
        beaten=float(ranked.beaten[row]),
    )


def pieces(sentence: str, spans: Sequence[Mapping[str, Any]]) -> Iterator[Piece]:
    """The sentence cut at the ends of its spans; where spans overlap, a piece has the types of all."""
    bounds = sorted({0, len(sentence), *(span[end] for span in spans for end in ("start", "end"))})
    for start, end in pairwise(bounds):
        over = [span for span in spans if span["start"] <= start and span["end"] >= end]
        names = [UNTYPED if s["type"] is None else alignbench.HALLUCINATION_TYPES[s["type"]] for s in over]
        yield Piece(sentence[start:end], tuple(dict.fromkeys(names)))
