"""What a report is made from: files of scores and saved results, as one entry for each detector."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc
from alignbench_auroc import Result, diagnose

from alignbench_tools import scores
from alignbench_tools.reporting.data import Data, printed
from alignbench_tools.scores import IDENTITY, Scores

SHOWN_IDS = 3


@dataclass(frozen=True, eq=False)
class Entry:
    """One detector, asked in one way: a row of the leaderboard.

    `name` is unique in the report. `result` is the metric's, nested (diagnostics) or, of a saved one, maybe
    flat. `scores` (n,) are in the order of the data's rows, NaN where there is none; None for a saved
    result. `counts` is the number of sentences by status, and `absent` how many sentences of the data the
    file does not mention. `own` are captioners that are the detector's own model.
    """

    name: str
    path: Path
    header: Mapping[str, Any]
    result: Result
    scores: np.ndarray | None = None
    counts: Mapping[str, int] = field(default_factory=dict)
    absent: int = 0
    own: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


class SavedResult:
    """A result that `Result.save` wrote, named like its file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.result = Result.load(path)
        if type(self.result) is not Result:
            kind = type(self.result).__name__
            raise ValueError(f"{path}: expected scores or the result of one detector, got a saved {kind}")
        self.header = {"detector": path.stem}


def read(path: Path) -> Scores | SavedResult:
    """The scores or the saved result in `path`.

    Raises FileNotFoundError, and ValueError that names file and line where the file is neither.
    """
    if path.is_dir():
        raise ValueError(f"{path}: expected files of scores, got a folder; give {path}/*.jsonl")
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file; give scores (.jsonl, .parquet) or saved results")
    return SavedResult(path) if path.suffix == ".json" and _is_result(path) else scores.read(path)


def _is_result(path: Path) -> bool:
    """Whether the file is one JSON object, not a line for each sentence."""
    try:
        content = json.loads(path.read_bytes())
    except ValueError:
        return False
    return isinstance(content, dict) and "id" not in content


def own_captioners(texts: Sequence[str]) -> dict[str, list[str]]:
    """`--own` options by detector; ValueError for one that is not DETECTOR=CAPTIONER,…"""
    own: dict[str, list[str]] = {}
    for text in texts:
        detector, equals, captioners = text.rpartition("=")
        names = [name.strip() for name in captioners.split(",") if name.strip()]
        if not equals or not detector or not names:
            raise ValueError(f"--own {text}: expected DETECTOR=CAPTIONER,…, e.g. GPT4o=gpt4o,gpt4o-imagen")
        own.setdefault(detector, []).extend(names)
    return own


def entries(
    paths: Sequence[Path],
    files: Sequence[Scores | SavedResult],
    data: Data | None,
    missing: str = "error",
    own: Mapping[str, Sequence[str]] | None = None,
) -> list[Entry]:
    """One entry for each file, in their order.

    Args:
        paths, files: where each file was read, and what `read` gave.
        data: the sentences that the scores are of; None only where all files are saved results.
        missing: what a missing score does, as for the metric.
        own: {detector or row name: its own captioners}, in place of what the header says.

    Raises ValueError for two files of one detector asked in the same way, for scores of other data, for
    missing scores unless `missing` says what they do, and for names in `own` that are not there.
    """
    names = row_names(paths, [file.header for file in files])
    declared = _declared(own or {}, names, [file.header["detector"] for file in files], data)
    return [
        _scored(name, path, file, data, missing, declared.get(name))
        if isinstance(file, Scores)
        else Entry(name, path, file.header, file.result, own=tuple(declared.get(name, ())))
        for name, path, file in zip(names, paths, files, strict=True)
    ]


def row_names(paths: Sequence[Path], headers: Sequence[Mapping[str, Any]]) -> list[str]:
    """A name for each file: the detector's and, where it stands in several files, what tells them apart.

    Raises ValueError for two files of one detector that were asked in the same way.
    """
    groups: dict[str, list[int]] = {}
    for number, header in enumerate(headers):
        groups.setdefault(header["detector"], []).append(number)
    names = [""] * len(headers)
    for detector, numbers in groups.items():
        differing = _differing([headers[number] for number in numbers])
        for number in numbers:
            told = ", ".join(_told(headers[number], differing))
            names[number] = f"{detector} ({told})" if told else detector
    first: dict[str, int] = {}
    for number, name in enumerate(names):
        if first.setdefault(name, number) != number:
            raise ValueError(
                f"{paths[first[name]]} and {paths[number]} are both of the detector {name!r}, asked in the "
                "same way: merge parts of one run with `alignbench merge`, or give runs names of their own"
            )
    return names


def _differing(headers: Sequence[Mapping[str, Any]]) -> list[tuple[str, ...]]:
    """The places in the headers, as paths of keys, where these runs of one detector do not agree."""
    places: list[tuple[str, ...]] = [(key,) for key in IDENTITY[1:] if key != "parameters"]
    parameters = {key for header in headers for key in header.get("parameters") or {}}
    places += [("parameters", key) for key in sorted(parameters)]
    found = [place for place in places if len({repr(_at(header, place)) for header in headers}) > 1]
    # Where the protocols' names tell the runs apart, nothing else has to.
    by_protocol = len({repr(header.get("protocol")) for header in headers}) == len(headers) > 1
    return [("protocol",)] if by_protocol else found


def _at(header: Mapping[str, Any], place: tuple[str, ...]) -> Any:
    value: Any = header
    for key in place:
        value = (value or {}).get(key)
    return value


def _told(header: Mapping[str, Any], places: Sequence[tuple[str, ...]]) -> list[str]:
    """What the header says at `places`, for a row's name."""
    told = []
    for place in places:
        value = _at(header, place)
        shown = "none" if value is None else str(value)[:12] if place[-1] == "protocol_digest" else str(value)
        told.append(shown if place == ("protocol",) else f"{place[-1].replace('_', ' ')} {shown}")
    return told


def _declared(
    own: Mapping[str, Sequence[str]], names: Sequence[str], detectors: Sequence[str], data: Data | None
) -> dict[str, list[str]]:
    """`own` by row name, checked."""
    for detector, captioners in own.items():
        if detector not in names and detector not in detectors:
            raise ValueError(
                f"--own {detector}=…: expected one of the detectors {', '.join(dict.fromkeys(names))}"
            )
        strange = [name for name in captioners if data and name not in data.captioners]
        if data and strange:
            raise ValueError(
                f"--own {detector}={','.join(captioners)}: expected captioners of the data "
                f"({', '.join(data.captioners)}), got {', '.join(strange)}"
            )
    return {
        name: list(own[name] if name in own else own[detector])
        for name, detector in zip(names, detectors, strict=True)
        if name in own or detector in own
    }


def _scored(
    name: str, path: Path, file: Scores, data: Data | None, missing: str, own: Sequence[str] | None
) -> Entry:
    if data is None:
        raise ValueError(f"{path}: scores need the data that they are of")
    scores.check_data(file, data.read)
    ids = data.table["id"]
    aligned = file.aligned(ids)
    found = _captioners_of(file)
    captioners = [name for name in data.captioners if name in found]
    if not captioners:
        raise ValueError(
            f"{path}: the scores are of {', '.join(sorted(found)) or 'no captioner'}, the data of "
            f"{', '.join(data.captioners)}; give the release that was scored"
        )
    sentences, rows = data.sentences_of(captioners), data.rows_of(captioners)
    here = pc.sum(pc.is_in(file.table["id"], value_set=ids.combine_chunks())).as_py() or 0
    absent = len(rows) - here
    if missing == "error":
        _check_complete(path, file, data, rows[np.isnan(aligned[rows]) & sentences.known], absent)
    notes = _left_out(found - set(captioners), len(file) - here, captioners, data)
    if own is None:
        own = [name for name in file.header.get("own_captioners") or () if name in captioners]
    judged: list[str] | None = [name for name in own if name in captioners] or None
    if judged and len(set(judged)) == len(captioners):
        notes.append("Self-preference: no captioner is left that is not the detector's own.")
        judged = None
    result = diagnose(aligned[rows], sentences, missing=missing, own_captioners=judged)
    return Entry(name, path, file.header, result, aligned, file.counts(), absent, tuple(own), tuple(notes))


def _captioners_of(file: Scores) -> set[str]:
    """As `scores.captioner_of` of every id, without a Python object for each."""
    parts = pc.split_pattern(file.table["id"].combine_chunks(), "/", max_splits=1)
    return set(pc.unique(pc.list_element(parts, 0)).to_pylist())


def _left_out(strange: set[str], number: int, captioners: Sequence[str], data: Data) -> list[str]:
    """Which captioners the scores have and the data has not, and the reverse."""
    notes = []
    if number:
        notes.append(
            f"{number:,} scores are left out, as the data have not their captioners: "
            + ", ".join(sorted(strange))
        )
    without = [printed(name) for name in data.captioners if name not in captioners]
    if without:
        notes.append(f"No scores of {', '.join(without)}: the average is over {len(captioners)} captioners.")
    return notes


def _check_complete(path: Path, file: Scores, data: Data, gaps: np.ndarray, absent: int) -> None:
    """ValueError that says where and why scores are missing, if there are any `gaps` (row numbers)."""
    if not len(gaps):
        return
    where = ", ".join(f"{name} {number:,}" for name, number in Counter(data.captioner[gaps]).most_common())
    reasons = {status: number for status, number in file.counts().items() if status != "ok"}
    reasons |= {"not in the file": absent} if absent else {}
    why = ", ".join(f"{reason} {number:,}" for reason, number in reasons.items())
    ids = data.table["id"].take(gaps[:SHOWN_IDS]).to_pylist()
    raise ValueError(
        f"{path}: {len(gaps):,} labelled sentences have no score ({where}), such as "
        f"{', '.join(map(repr, ids))}; of all sentences: {why}. --missing worst holds them against the "
        "detector, --missing drop leaves them out"
    )
