"""The leaderboard: detectors by captioners, as Table 3 of the paper (arXiv 2511.20515) prints it."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.resources import files

from alignbench_auroc import Result

from alignbench_tools.reporting.comparisons import MEAN, Comparisons
from alignbench_tools.reporting.data import DRAWN, PRINTED, in_order, printed
from alignbench_tools.reporting.inputs import Entry

LEVEL = 0.05
NAN = math.nan


@dataclass(frozen=True)
class Column:
    """A captioner, or the mean. `drawn`: it drew pictures for texts. Numbers are of labelled sentences."""

    key: str
    title: str
    drawn: bool = False
    n_correct: int | None = None
    n_incorrect: int | None = None


@dataclass(frozen=True)
class Cell:
    """An AUROC in [0, 1] with its interval; NaN where it is not defined.

    `best` of its column; `tied`: its difference from the best is not significant, with `p`; `own`: the
    captioner is the detector's own model.
    """

    auroc: float = NAN
    low: float = NAN
    high: float = NAN
    p: float = NAN
    best: bool = False
    tied: bool = False
    own: bool = False


@dataclass(frozen=True)
class Row:
    """A detector. `published`: its numbers are the paper's. `rank` is None where it has none."""

    name: str
    cells: dict[str, Cell]
    published: bool = False
    rank: tuple[int, float, float] | None = None
    marks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Leaderboard:
    """Rows of detectors that were measured, best first; `published` are the paper's.

    `notes` are (mark, text), marks standing beside rows.
    """

    columns: list[Column]
    rows: list[Row]
    published: list[Row] = field(default_factory=list)
    notes: list[tuple[str, str]] = field(default_factory=list)
    confidence: float | None = None


def build(entries: Sequence[Entry], found: Comparisons, with_paper: bool = False) -> Leaderboard:
    """The leaderboard of `entries`; `with_paper` adds the rows of the paper's Table 3."""
    columns = _columns(entries)
    notes = _Notes()
    best = {column.key: _best(entries, column.key, found) for column in columns}
    rows = []
    for entry in sorted(entries, key=lambda entry: _rank_key(entry, found)):
        marks = notes.of(entry, found)
        cells = {key: _cell(entry, key, best[key], found) for key in best}
        rows.append(Row(entry.name, cells, rank=found.ranks.get(entry.name), marks=tuple(marks)))
    for text in _column_notes(columns, with_paper):
        notes.add(text)
    confidence = found.signature.get("confidence")
    return Leaderboard(columns, rows, published_rows() if with_paper else [], notes.listed, confidence)


def auroc(result: Result, key: str) -> tuple[float, float, float]:
    """AUROC and limits of a captioner or of the mean in a result, nested or flat; NaN where it has none."""
    if key == MEAN:
        return _numbers(result, "auroc")
    nested = result.get("captioners")
    return _numbers(nested.get(key, {}), "auroc") if nested else _numbers(result, f"auroc_{key}")


def published_rows() -> list[Row]:
    """The 25 rows of the paper's Table 3, best first."""
    table = json.loads((files("alignbench_tools") / "published" / "table3.json").read_text(encoding="utf-8"))
    rows = []
    for row in table["detectors"]:
        cells = {name: Cell(value / 100) for name, value in row["auroc"].items()}
        cells[MEAN] = Cell(row["average"] / 100)
        size = row["parameters"] or ""
        name = row["detector"] if row["detector"].endswith(size) else f"{row['detector']} {size}"
        rows.append(Row(name, cells, published=True))
    return sorted(rows, key=lambda row: -row.cells[MEAN].auroc)


def _numbers(cells: Result | dict, name: str) -> tuple[float, float, float]:
    return cells.get(name, NAN), cells.get(f"{name}_low", NAN), cells.get(f"{name}_high", NAN)


def _columns(entries: Sequence[Entry]) -> list[Column]:
    """The captioners of all entries, and the mean; counts are of the entry with most sentences."""
    names: dict[str, list[tuple[int, int]]] = {}
    for entry in entries:
        nested = entry.result.get("captioners") or {}
        for name in nested or entry.result.captioners:
            counts = names.setdefault(name, [])
            if name in nested:
                counts.append((nested[name]["n_correct"], nested[name]["n_incorrect"]))
    columns = [
        Column(name, printed(name), name in DRAWN, *max(names[name], key=sum, default=(None, None)))
        for name in in_order(list(names))
    ]
    return [*columns, Column(MEAN, "Avg.")]


def _rank_key(entry: Entry, found: Comparisons) -> tuple[bool, float]:
    """Those that compare first, best first, undefined last."""
    value = entry.result["auroc"]
    return entry.name in found.apart, math.inf if math.isnan(value) else -value


def _best(entries: Sequence[Entry], key: str, found: Comparisons) -> float:
    """The highest AUROC of a column among the entries that compare; NaN for one entry alone."""
    values = [auroc(entry.result, key)[0] for entry in entries if entry.name not in found.apart]
    known = [value for value in values if not math.isnan(value)]
    return max(known) if len(known) > 1 else NAN


def _cell(entry: Entry, key: str, best: float, found: Comparisons) -> Cell:
    value, low, high = auroc(entry.result, key)
    first = entry.name not in found.apart and value == best
    p = NAN if first or entry.name in found.apart else found.p.get(key, {}).get(entry.name, NAN)
    return Cell(value, low, high, p, first, p > LEVEL, key in entry.own)


def _column_notes(columns: Sequence[Column], with_paper: bool) -> list[str]:
    """Which columns have one class only, and which are not the paper's."""
    keys = [column.key for column in columns if column.key != MEAN]
    texts = [
        f"{column.title}: {column.n_correct} correct and {column.n_incorrect} incorrect sentences. An AUROC "
        "needs both: it is not defined here, and the average leaves it out."
        for column in columns
        if column.n_correct == 0 or column.n_incorrect == 0
    ]
    if with_paper and set(keys) != set(PRINTED):
        texts.append(
            f"The paper's averages are over its {len(PRINTED)} captioners, not over those shown here."
        )
    return texts


class _Notes:
    """Notes below the table: those to a row with a letter, the same text once."""

    def __init__(self) -> None:
        self.listed: list[tuple[str, str]] = []

    def add(self, text: str, mark: str = "") -> str:
        known = {text: mark for mark, text in self.listed}
        if text not in known:
            self.listed.append((mark, text))
        return known.get(text, mark)

    def of(self, entry: Entry, found: Comparisons) -> list[str]:
        """The marks of one row, whose notes are added."""
        texts = []
        if entry.name in found.apart:
            texts.append(
                "Compares with no other row, as its signature differs (this / the others): "
                + "; ".join(found.apart[entry.name])
            )
        if entry.scores is None:
            texts.append("From a saved result: without the scores, its differences cannot be tested.")
        texts += [f"{entry.name}: {note}" for note in entry.notes]
        missing = entry.result.get("n_missing")
        if missing:
            texts.append(f"{entry.name}: {_missing(missing, entry)}")
        return [self.add(text, self._next()) for text in texts]

    def _next(self) -> str:
        number = sum(bool(mark) for mark, _ in self.listed)
        return chr(ord("a") + number) if number < 26 else str(number)


def _missing(number: int, entry: Entry) -> str:
    reasons = {status: count for status, count in entry.counts.items() if status != "ok"}
    reasons |= {"not in the file": entry.absent} if entry.absent else {}
    why = f" (of all sentences: {', '.join(f'{k} {v:,}' for k, v in reasons.items())})" if reasons else ""
    done = {"worst": "counted as wrong", "drop": "left out"}.get(entry.result.signature.get("missing"), "")
    return f"{number:,} labelled sentences without a score{why}, {done}".rstrip(", ") + "."
