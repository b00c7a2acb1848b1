"""AlignBench as typed rows: what a row is, how a release is read, and the `datasets` builder.

>>> import alignbench
>>> from datasets import load_dataset
>>> ds = load_dataset("alignbench", split="test")                      # the published release
>>> ds = load_dataset("alignbench", "captions", data_dir="a/release")  # one row per caption
>>> ds = load_dataset("alignbench", "sample", split="test")            # embedded, no network

Importing this module registers the names ``alignbench`` (with `datasets`) and ``alignbench_auroc``
(with `evaluate`). It needs the standard library and what `datasets` brings, and stands alone in one file
because `datasets` < 4 copies a loading script away from its neighbours.

The order below is the order of the data: schema, report, lines of a release, spans, rows, pictures,
builder, registration.

Reference: Saito et al., AlignBench, arXiv 2511.20515 (2025).
"""

from __future__ import annotations

import ast
import contextlib
import contextvars
import difflib
import functools
import hashlib
import http.client
import importlib.machinery
import importlib.util
import io
import itertools
import json
import os
import re
import socket
import ssl
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, fields
from dataclasses import field as default
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

import datasets
import huggingface_hub
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json
from datasets.utils.logging import get_logger
from PIL import Image, UnidentifiedImageError

__version__ = "0.1.0"

logger = get_logger(__name__)

HUB_RELEASE = "omron-sinicx/AlignBench"
HUB_REVISION = "c4fa73500fc2afe437b3d7fe56c91e607e2be5c2"
RELEASE_FILE = "halcap_bench.jsonl"
WITHDRAWN_FILE = "withdrawn.jsonl"

# ---------------------------------------------------------------------------------------------
# What a row is
# ---------------------------------------------------------------------------------------------

LABELS = ("incorrect", "correct", "unknown")
DIRECTIONS = ("image_to_text", "text_to_image")
HALLUCINATION_TYPES = (
    "Attribute", "Object", "Number", "Location", "Direction", "Relation", "Text", "Illusion", "Other",
)  # fmt: skip
# Text-to-image models of the published release; pictures of others are known by where they lie.
GENERATORS = ("sd", "gpt4o-imagen")
GENERATED_FOLDER = "images/data_generation/"

_INT = datasets.Value("int32")
_TEXT = datasets.Value("string")
_RATIO = datasets.Value("float32")


def features(config: str = "sentences") -> datasets.Features:
    """Columns of a config: ``sentences`` and ``sample`` (one row per sentence) or ``captions``.

    Raises ValueError for any other name.
    """
    hallucination_type = datasets.ClassLabel(names=list(HALLUCINATION_TYPES))
    picture = {
        "image": datasets.Image(),
        "image_id": _TEXT,
        "image_source": _TEXT,
        "image_url": _TEXT,
        "domain": _TEXT,
        "captioner": _TEXT,
        "direction": datasets.ClassLabel(names=list(DIRECTIONS)),
    }
    judgement = {
        "label": datasets.ClassLabel(names=list(LABELS)),
        "hallucination_types": [hallucination_type],
        "spans": [{"start": _INT, "end": _INT, "text": _TEXT, "type": hallucination_type}],
        "votes": {"correct": _INT, "incorrect": _INT, "unknown": _INT},
        "agreement": _RATIO,
        "fleiss_pi": _RATIO,
    }
    if config in ("sentences", "sample"):
        text = {"position": _INT, "num_sentences": _INT, "sentence": _TEXT, "caption": _TEXT}
        return datasets.Features({"id": _TEXT, **picture, **text, **judgement})
    if config == "captions":
        place = {"id": _TEXT, "position": _INT, "sentence": _TEXT, "start": _INT, "end": _INT}
        caption = {"num_sentences": _INT, "caption": _TEXT, "sentences": [{**place, **judgement}]}
        return datasets.Features({"id": _TEXT, **picture, **caption})
    raise ValueError(f"unknown config {config!r}: take 'sentences', 'captions' or 'sample'")


# ---------------------------------------------------------------------------------------------
# The report of a load
# ---------------------------------------------------------------------------------------------


class ReleaseError(ValueError):
    """A release that cannot be read as asked; the message says what to do."""


NEEDED = ("model", "image_name", "sentence_index", "caption", "annotation")
_NEEDED_ARE = f"needed are {', '.join(NEEDED)}"
_WITHOUT_FIELD = "left out if the field is needed, else kept without it"
# kind -> (what became of the line, what it means and what to do)
KINDS = {
    "bad_json": ("left out", "no JSON object in UTF-8; mend the line or fetch the file again"),
    "truncated_last_line": ("left out", "the file ends inside this line; fetch the file again"),
    "bad_value": (_WITHOUT_FIELD, f"the value is none of its column's; mend it; {_NEEDED_ARE}"),
    "missing_field": (_WITHOUT_FIELD, f"the field is absent, null or blank; {_NEEDED_ARE}"),
    "blank_sentence": ("left out", "there is no sentence to judge"),
    "unknown_label": ("left out", "annotation must be correct, incorrect or unknown (or 1, 0, -1)"),
    "duplicate_row": ("left out", "an earlier line has the same model, image_name and sentence_index"),
    "path_traversal": ("kept without picture", "image_path_in_repo leaves the release; never opened"),
    "refused_url": ("kept without picture", "image_url must be a whole URL with http:// or https://"),
    "unknown_error_type": ("kept without type", f"error_type must be of {', '.join(HALLUCINATION_TYPES)}"),
    "error_words_case": ("repaired", "phrase found in the sentence in other case"),
    "error_words_whitespace": ("repaired", "phrase found with other white space or quotation marks"),
    "error_words_typo": ("kept without this span", "phrase is not in its sentence"),
    "types_not_aligned": ("kept, spans without type", "several types for a different number of phrases"),
    "words_without_error": ("kept", "error_words or error_type on a sentence that is labelled correct"),
    "votes_contradict_label": ("kept as labelled", "the majority of the votes is another label"),
    "position_gap": ("kept", "no line has these positions of its caption, which come before its own"),
    "picture_unavailable": (
        "kept without picture",
        "the picture cannot be had; download_mode='force_redownload' tries failed ones again",
    ),
    "empty_column": ("noted", "the column has no value in any line"),
    "extra_column": ("noted", "the column is none of the release's and is not read"),
    "unused_image_dir": ("noted", "no row has this image_source; image_dirs= takes them as keys"),
    "withdrawn": ("kept as unknown", "upstream withdrew the sentence (withdrawn.jsonl)"),
}  # fmt: skip
_LINES_SHOWN = 5


@dataclass
class Finding:
    """One kind of irregularity in one field: `lines` (1-based) and, beside each, its value."""

    kind: str
    field: str
    lines: list[int] = default(default_factory=list)
    values: list[str] = default(default_factory=list)

    @property
    def action(self) -> str:
        """What became of the lines, e.g. ``left out``."""
        return KINDS[self.kind][0]

    def __str__(self) -> str:
        meaning = KINDS[self.kind][1]
        if self.action == "noted":
            return f"{self.kind} [{self.field}]: {self.action}, {', '.join(self.values)} ({meaning})"
        head = f"{self.kind} [{self.field}]: {_count(len(self.lines), 'line')}, {self.action} ({meaning})"
        groups: dict[str, list[int]] = {}
        for line, value in zip(self.lines, self.values, strict=True):
            groups.setdefault(value, []).append(line)
        ranked = sorted(groups.items(), key=lambda item: (-len(item[1]), item[1]))
        body = [f"    {value!r}: {_places(lines)}" for value, lines in ranked[:_LINES_SHOWN]]
        if len(ranked) > _LINES_SHOWN:
            body.append(f"    and {_count(len(ranked) - _LINES_SHOWN, 'other value')}")
        return "\n".join([head, *body])


@dataclass
class Report:
    """What a load read, repaired and left out.

    `lines`: lines in the file; `rows`: sentences in the table, also per captioner; `pictures`: distinct
    pictures by outcome (``available``, or the reason why not); `findings`: every irregularity.
    """

    source: str
    lines: int = 0
    rows: int = 0
    captioners: dict[str, int] = default(default_factory=dict)
    pictures: dict[str, int] = default(default_factory=dict)
    findings: list[Finding] = default(default_factory=list)

    def add(self, kind: str, column: str, line: int, value: object) -> None:
        """Count one line under `kind`."""
        found = next((f for f in self.findings if (f.kind, f.field) == (kind, column)), None)
        if found is None:
            found = Finding(kind, column)
            self.findings.append(found)
        found.lines.append(int(line))
        found.values.append(value if isinstance(value, str) else repr(value))

    def counts(self) -> dict[str, int]:
        """Number of irregularities of each kind that occurs."""
        totals: Counter[str] = Counter()
        for finding in self.findings:
            totals[finding.kind] += len(finding.lines)
        return dict(totals)

    @property
    def irregular(self) -> list[Finding]:
        """Findings that `strict=True` makes an error: all but mere notes on columns."""
        return [finding for finding in self.findings if finding.action != "noted"]

    def __str__(self) -> str:
        per_captioner = ", ".join(f"{name} {count:,}" for name, count in self.captioners.items())
        parts = [f"{self.source}: {_count(self.lines, 'line')}, {_count(self.rows, 'row')} ({per_captioner})"]
        if self.pictures:
            outcomes = ", ".join(f"{count:,} {outcome}" for outcome, count in self.pictures.items())
            parts.append(f"pictures: {outcomes}")
        return "\n".join([*parts, *map(str, self.findings)])

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the report as JSON, atomically."""
        write_atomically(Path(path), json.dumps(asdict(self), ensure_ascii=False, indent=1).encode())

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Report:
        """Read a report that `save` wrote."""
        raw = json.loads(Path(path).read_text(encoding="utf-8"))
        return cls(**{**raw, "findings": [Finding(**finding) for finding in raw["findings"]]})


def report(dataset: datasets.Dataset | datasets.DatasetDict) -> Report:
    """The report of the load that made `dataset`; FileNotFoundError if it is not in the cache."""
    splits = dataset.values() if isinstance(dataset, dict) else [dataset]
    for cached in itertools.chain.from_iterable(getattr(split, "cache_files", ()) for split in splits):
        path = Path(cached["filename"]).parent / "report.json"
        if path.is_file():
            return Report.load(path)
    raise FileNotFoundError(
        "no report beside this dataset: it was not loaded from the cache by alignbench; load it without "
        "streaming=True or keep_in_memory=True"
    )


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _places(lines: Sequence[int]) -> str:
    shown = ", ".join(map(str, lines[:_LINES_SHOWN]))
    return f"{_count(len(lines), 'line')} ({shown}{', …' if len(lines) > _LINES_SHOWN else ''})"


def write_atomically(path: Path, data: bytes) -> None:
    """Write `data` to `path`, making its folder: a reader sees the whole file or none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}.partial")
    try:
        partial.write_bytes(data)
        os.replace(partial, path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


# ---------------------------------------------------------------------------------------------
# Lines of a release
# ---------------------------------------------------------------------------------------------

_STRINGS = ("model", "image_source", "image_name", "image_type", "caption", "image_url", "image_path_in_repo")
_VOTES = ("n_correct", "n_incorrect", "n_unknown")
_INTEGERS = ("sentence_index", *_VOTES)
_RATIOS = ("agreement_ratio", "fleiss_Pi")
# Their spelling is not fixed: labels come as words or numbers, types and words as lists or strings.
_FREE = ("annotation", "error_type", "error_words")
COLUMNS = (*_STRINGS, *_INTEGERS, *_RATIOS, *_FREE)
# Null is an ordinary value of these.
_OFTEN_NULL = ("image_url", "image_path_in_repo", "error_type", "error_words")

# No column of a release: where a row stands in the file, from 1.
_LINE = "@line"

_FIXED_SCHEMA = pa.schema(
    [(name, pa.string()) for name in _STRINGS] + [(name, pa.float64()) for name in (*_INTEGERS, *_RATIOS)]
)
# Free columns are carried as JSON text where they are no plain string.
_RAW_SCHEMA = pa.schema([*_FIXED_SCHEMA, *((name, pa.string()) for name in _FREE), (_LINE, pa.int64())])
_BLOCK_BYTES = 16 << 20
# Arrow parses runs of this size in parallel; a longer line is read by itself.
_PARSED_BYTES = 1 << 20


def _blocks(path: Path) -> Iterator[tuple[int, int, bytes]]:
    """Whole lines of the file in blocks, each with the number of lines before and in it."""
    line, rest = 0, b""
    with path.open("rb") as file:
        while data := file.read(_BLOCK_BYTES):
            head, newline, tail = (rest + data).rpartition(b"\n")
            if newline:
                number = head.count(b"\n") + 1
                yield line, number, head + newline
                line += number
            rest = tail
    if rest:
        yield line, 1, rest


def _read_lines(path: Path, report: Report) -> pa.Table:
    """The release's columns as they are written, and each row's line."""
    batches: list[pa.Table] = []
    extra: dict[str, int] = {}
    for before, number, block in _blocks(path):
        if before == 0:
            block = block.removeprefix(b"\xef\xbb\xbf")
        batch = _read_block(block, before, number)
        if batch is None:
            batch = _read_one_by_one(block, before, report)
        for name in batch.column_names:
            if name not in _RAW_SCHEMA.names:
                extra.setdefault(name, before + 1)
        batches.append(_as_raw(batch))
        report.lines = before + number
    for name, line in extra.items():
        report.add("extra_column", name, line, f"first seen from line {line} on")
    return pa.concat_tables(batches) if batches else _RAW_SCHEMA.empty_table()


def _read_block(block: bytes, before: int, number: int) -> pa.Table | None:
    """The block by Arrow's own JSON reader; None where a line needs a closer look."""
    options = pyarrow.json.ParseOptions(explicit_schema=_FIXED_SCHEMA)
    reading = pyarrow.json.ReadOptions(block_size=_PARSED_BYTES)
    try:
        block.decode("utf-8")
        table = pyarrow.json.read_json(io.BytesIO(block), read_options=reading, parse_options=options)
        table.validate()  # lists that begin with null can come out broken
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, UnicodeDecodeError):
        return None
    free = (table.schema.field(name).type for name in _FREE if name in table.column_names)
    # Where every text looks like a time, Arrow takes it for one.
    if table.num_rows != number or any("timestamp" in str(kind) for kind in free):
        return None
    return table.append_column(_LINE, pa.array(np.arange(before + 1, before + number + 1)))


def _read_one_by_one(block: bytes, before: int, report: Report) -> pa.Table:
    """The block line by line, for what Arrow refuses as a whole: bad lines, columns of mixed types."""
    records = []
    lines = block.split(b"\n")
    ends_open = lines[-1] != b""
    for number, raw in enumerate(lines, before + 1):
        if not raw.strip():
            continue
        try:
            record = json.loads(raw.decode("utf-8"))
            if not isinstance(record, dict):
                raise ValueError(f"a JSON {type(record).__name__} in place of an object")
            # A lone surrogate is legal JSON but no text.
            json.dumps(record, ensure_ascii=False).encode("utf-8")
        except ValueError as error:
            last = ends_open and number == before + len(lines)
            kind = "truncated_last_line" if last and not raw.rstrip().endswith(b"}") else "bad_json"
            report.add(kind, "line", number, str(error))
            continue
        records.append(_typed(record, number, report))
    columns = {name: None for record in records for name in record}
    return pa.table({name: [record.get(name) for record in records] for name in columns or _RAW_SCHEMA.names})


def _typed(record: dict[str, Any], line: int, report: Report) -> dict[str, Any]:
    """`record` with every value of its column's type; what cannot be so is emptied and reported."""
    out: dict[str, Any] = {_LINE: line}
    for name, value in record.items():
        if name in _FREE or value is None:
            out[name] = value if value is None or isinstance(value, str) else json.dumps(value)
        elif name in _STRINGS and isinstance(value, (str, int)) and not isinstance(value, bool):
            out[name] = str(value)
        elif name in _INTEGERS + _RATIOS and _number(value) is not None:
            out[name] = _number(value)
        elif name in COLUMNS:
            report.add("bad_value", name, line, value)
            out[name] = None
        else:
            out[name] = json.dumps(value)
    return out


def _number(value: object) -> float | None:
    try:
        return None if isinstance(value, bool) else float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return None


def _as_raw(batch: pa.Table) -> pa.Table:
    columns = []
    for raw in _RAW_SCHEMA:
        if raw.name not in batch.column_names:
            columns.append(pa.nulls(batch.num_rows, raw.type))
            continue
        column = batch.column(raw.name).combine_chunks()
        column = _as_text(column) if raw.name in _FREE else column.cast(raw.type)
        if pa.types.is_floating(raw.type):
            column = pc.if_else(pc.is_nan(column), None, column)  # as pandas writes null
        columns.append(column)
    return pa.table(columns, schema=_RAW_SCHEMA)


def _as_text(column: pa.Array) -> pa.Array:
    """Strings as they are, all else as JSON."""
    if pa.types.is_string(column.type) or pa.types.is_null(column.type):
        return column.cast(pa.string())
    if pa.types.is_primitive(column.type):
        return column.cast(pa.string())
    if not pa.types.is_list(column.type):
        values = column.to_pylist()
        return pa.array([None if value is None else json.dumps(value) for value in values], pa.string())
    # Most lists are empty: write only the others one by one.
    filled = np.flatnonzero(pc.fill_null(pc.list_value_length(column), 0).to_numpy(zero_copy_only=False))
    texts = np.full(len(column), None, dtype=object)
    texts[filled] = [json.dumps(value) for value in column.take(pa.array(filled)).to_pylist()]
    return pa.array(texts, pa.string())


# ---------------------------------------------------------------------------------------------
# Spellings: labels, types, phrases
# ---------------------------------------------------------------------------------------------

_LABEL_SPELLINGS = {
    **{name: index for index, name in enumerate(LABELS)},
    **{"1": 1, "0": 0, "-1": 2, "2": 2, "true": 1, "false": 0},
}
_NOTHING = ("", "none", "null", "[]")
_TYPE_SPELLINGS = {name.casefold(): index for index, name in enumerate(HALLUCINATION_TYPES)}


def _label(text: str) -> int | None:
    text = text.strip().strip("\"'").casefold()
    return _LABEL_SPELLINGS.get(text.removesuffix(".0"))


def _listed(text: str | None) -> list[str] | str:
    """The list that `text` spells in JSON or Python, [] for nothing, else the stripped text itself."""
    text = (text or "").strip()
    if text.casefold() in _NOTHING:
        return []
    if text[0] not in "[(":
        return text
    for parse in (json.loads, ast.literal_eval):
        with contextlib.suppress(ValueError, SyntaxError, RecursionError, MemoryError):
            values = parse(text)
            if isinstance(values, (list, tuple)):
                strings = [str(value).strip() for value in values if value is not None]
                return [value for value in strings if value]
    return text


@functools.lru_cache(maxsize=1024)
def _types(text: str | None) -> tuple[tuple[int | None, ...], tuple[str, ...]]:
    """Indices of the hallucination types that `text` names, None where unknown; and the unknown names."""
    listed = _listed(text)
    names = listed if isinstance(listed, list) else [part.strip() for part in re.split(r"[;,|]", listed)]
    names = [name for name in names if name.casefold() not in _NOTHING]
    indices = tuple(_TYPE_SPELLINGS.get(name.casefold()) for name in names)
    return indices, tuple(name for name, index in zip(names, indices, strict=True) if index is None)


def _phrases(text: str | None, sentence: str) -> list[str]:
    """The wrong phrases that `text` lists.

    A comma separates only where the sentence does not hold the whole text: phrases contain commas, too.
    """
    listed = _listed(text)
    if isinstance(listed, list):
        return listed
    for separator in (";", "|", ","):
        if separator in listed:
            if separator == "," and _locate(sentence, listed, []):
                return [listed]
            return [part.strip() for part in listed.split(separator) if part.strip()]
    return [listed]


# ---------------------------------------------------------------------------------------------
# Spans
# ---------------------------------------------------------------------------------------------

_QUOTES = ("'‘’‚‛′`´", '"“”„‟″«»')
_QUOTE_CLASS = {quote: f"[{re.escape(family)}]" for family in _QUOTES for quote in family}


class Span(NamedTuple):
    """Code-point offsets of a wrong phrase in its sentence, and how it was found.

    `how`: None as written, else the kind of the repair.
    """

    start: int
    end: int
    how: str | None


def find_spans(sentence: str, phrases: Iterable[str]) -> list[Span | None]:
    """Where each phrase stands in `sentence`; None for one that is not there.

    Whole words come first ("man" is not in "woman"): as written, then in other case, then with other white
    space or quotation marks; last, as written inside a word. Phrases are taken in order, an occurrence
    after the last one first, and each occurrence is used once.
    """
    spans: list[Span | None] = []
    for phrase in phrases:
        spans.append(_locate(sentence, phrase, [span for span in spans if span]))
    return spans


def _locate(sentence: str, phrase: str, used: Sequence[Span]) -> Span | None:
    if not phrase.strip():
        return None
    # Inside a word only the letters as written count: "ble" is no other spelling of a part of "PEBBLE".
    searches = (
        (_as_written, True, None),
        (_in_any_case, True, "error_words_case"),
        (_with_any_space, True, "error_words_whitespace"),
        (_as_written, False, None),
    )
    for search, whole_words, how in searches:
        found = search(sentence, phrase)
        if whole_words:
            found = [
                at for at in found if not _cuts_word(sentence, at[0]) and not _cuts_word(sentence, at[1])
            ]
        free = [at for at in found if all(at[1] <= span.start or span.end <= at[0] for span in used)]
        # An annotator may mark a phrase inside a longer one, but not the same words twice.
        free = free or [at for at in found if at not in [(span.start, span.end) for span in used]]
        if free:
            last = used[-1].end if used else 0
            return Span(*min(free, key=lambda at: (at[0] < last, at[0])), how)
    return None


def _cuts_word(sentence: str, at: int) -> bool:
    return 0 < at < len(sentence) and all(c.isalnum() or c == "_" for c in sentence[at - 1 : at + 1])


def _as_written(sentence: str, phrase: str) -> list[tuple[int, int]]:
    found, at = [], sentence.find(phrase)
    while at >= 0:
        found.append((at, at + len(phrase)))
        at = sentence.find(phrase, at + 1)
    return found


def _in_any_case(sentence: str, phrase: str) -> list[tuple[int, int]]:
    return [match.span() for match in re.finditer(re.escape(phrase), sentence, re.IGNORECASE)]


def _with_any_space(sentence: str, phrase: str) -> list[tuple[int, int]]:
    # White space that is in the phrase only may be a slip; white space in the sentence is real.
    words = ["".join(_QUOTE_CLASS.get(char, re.escape(char)) for char in word) for word in phrase.split()]
    return [match.span() for match in re.finditer(r"\s*".join(words), sentence, re.IGNORECASE)]


# ---------------------------------------------------------------------------------------------
# Rows
# ---------------------------------------------------------------------------------------------


def read(
    folder: str | os.PathLike[str], captioners: Sequence[str] | None = None, strict: bool = False
) -> tuple[pa.Table, Report]:
    """Read a local release folder into the table of config ``sentences``, ``image`` left null.

    Rows keep the order of the release. Raises FileNotFoundError without `folder` or its JSONL, and
    ReleaseError where nothing can be read, `captioners` names one that the release does not have, or,
    with `strict`, anything is irregular.
    """
    release = _read_release(Path(folder), captioners, strict)
    return release.table, release.report


class _Release(NamedTuple):
    table: pa.Table
    paths: pa.Array  # beside each row: the picture's path in the release, or null
    lines: np.ndarray
    report: Report


def _read_release(folder: Path, captioners: Sequence[str] | None, strict: bool) -> _Release:
    path = _release_file(folder)
    report = Report(source=str(path))
    raw = _read_lines(path, report)
    _check_columns(raw, path, report)
    labels = _usable_labels(raw, report)
    raw, labels, texts = _captions(raw, labels, report)
    wanted = _wanted(raw["model"], captioners, path)
    if not wanted.all():
        raw, labels, texts = raw.filter(pa.array(wanted)), labels[wanted], texts.filter(pa.array(wanted))
    raw = _safe_references(raw, report)
    table = _rows(raw, labels, texts, report)
    table = _withdraw(table, raw[_LINE].to_numpy(), folder, captioners is None, report)
    report.rows, report.captioners = table.num_rows, dict(Counter(raw["model"].to_pylist()))
    if strict and report.irregular:
        raise ReleaseError(f"strict=True, and the release is irregular:\n{report}")
    return _Release(table, raw["image_path_in_repo"].combine_chunks(), raw[_LINE].to_numpy(), report)


def _release_file(folder: Path) -> Path:
    if folder.is_file():
        raise ReleaseError(f"{folder} is a file: give the release folder that holds {RELEASE_FILE}")
    if not folder.is_dir():
        raise FileNotFoundError(f"no release folder at {folder}: data_dir= must hold {RELEASE_FILE}")
    path = folder / RELEASE_FILE
    if not path.is_file():
        others = sorted(other.name for other in folder.glob("*.json*")) or "no JSON file at all"
        raise FileNotFoundError(f"{folder} has no {RELEASE_FILE} but {others}: download it or rename it")
    if path.stat().st_size == 0:
        raise ReleaseError(f"{path} is empty: download the release again")
    return path


def _check_columns(raw: pa.Table, path: Path, report: Report) -> None:
    empty = [name for name in COLUMNS if raw[name].null_count == raw.num_rows]
    if needed := [name for name in NEEDED if name in empty]:
        raise ReleaseError(
            f"{path}: none of its {_count(report.lines, 'line')} has a value in {', '.join(needed)}; "
            f"a release has the columns {', '.join(COLUMNS)}\n{report}"
        )
    for name in empty:
        if name not in _OFTEN_NULL:
            report.add("empty_column", name, 1, "null or absent throughout")


def _null(table: pa.Table, name: str) -> np.ndarray:
    return table[name].is_null().to_numpy()


def _usable_labels(raw: pa.Table, report: Report) -> np.ndarray:
    """The label of every line; -1 for lines that are to be left out."""
    lines = raw[_LINE].to_numpy()
    labels = _labels(raw, report)
    index = raw["sentence_index"].to_numpy()
    odd = ~np.isnan(index) & (_positions(raw) < 0)
    for at in np.flatnonzero(odd):
        report.add("bad_value", "sentence_index", lines[at], f"{index[at]:g}")
    for name in NEEDED:
        missing = _null(raw, name) & ~(odd if name == "sentence_index" else False)
        if name in ("model", "image_name"):
            missing |= _blank(raw[name])
        for at in np.flatnonzero(missing):
            report.add("missing_field", name, lines[at], "absent or null")
            labels[at] = -1
    blank = _blank(raw["caption"])
    for at in np.flatnonzero(blank):
        report.add("blank_sentence", "caption", lines[at], raw["caption"][at].as_py())
    labels[blank | odd] = -1
    return labels


def _blank(texts: pa.ChunkedArray) -> np.ndarray:
    return pc.fill_null(pc.equal(pc.utf8_trim_whitespace(texts), ""), False).to_numpy()


def _positions(raw: pa.Table) -> np.ndarray:
    """Sentence indices, -1 for what cannot be one."""
    index = raw["sentence_index"].to_numpy()
    valid = (index >= 0) & (index == np.floor(index)) & (index <= np.iinfo(np.int32).max)
    return np.where(valid, index, -1).astype(np.int64)


def _labels(raw: pa.Table, report: Report) -> np.ndarray:
    coded = raw["annotation"].combine_chunks().dictionary_encode()
    known = [_label(text) for text in coded.dictionary.to_pylist()]
    codes = pc.fill_null(coded.indices, len(known)).to_numpy(zero_copy_only=False)
    labels = np.array([-1 if label is None else label for label in known] + [-1], dtype=np.int64)[codes]
    lines = raw[_LINE].to_numpy()
    for code, label in enumerate(known):
        if label is None:
            for at in np.flatnonzero(codes == code):
                report.add("unknown_label", "annotation", lines[at], coded.dictionary[code].as_py())
    return labels


def _captions(raw: pa.Table, labels: np.ndarray, report: Report) -> tuple[pa.Table, np.ndarray, pa.Table]:
    """Usable rows without repetitions, their labels, and beside them ``caption`` and ``num_sentences``.

    A sentence that is left out for want of a label still belongs to what the captioner wrote.
    """
    group, position = _groups(raw), _positions(raw)
    order = _first_of_each(raw, labels, group, position, report)
    bounds = np.r_[np.flatnonzero(np.diff(group[order], prepend=-1)), len(order)]
    _report_gaps(raw, labels, order, bounds, position, report)
    sizes = np.diff(bounds)
    beside = np.full(raw.num_rows, -1)
    beside[order] = np.repeat(np.arange(len(sizes)), sizes)
    texts = _joined(_taken(raw["caption"].combine_chunks(), order), bounds)
    lengths = position[order[bounds[1:] - 1]] + 1
    kept = np.flatnonzero(labels >= 0)
    captions = pa.table({"caption": texts, "num_sentences": pa.array(lengths, pa.int32())})
    return _taken(raw, kept), labels[kept], captions.take(pa.array(beside[kept]))


def _groups(raw: pa.Table) -> np.ndarray:
    """A number for each caption, that is pair of model and image_name; -1 without one of them."""
    model, name = (raw[key].combine_chunks().dictionary_encode() for key in ("model", "image_name"))
    codes = [pc.fill_null(coded.indices, -1).to_numpy().astype(np.int64) for coded in (model, name)]
    return np.where((codes[0] < 0) | (codes[1] < 0), -1, codes[0] * (len(name.dictionary) + 1) + codes[1])


def _first_of_each(
    raw: pa.Table, labels: np.ndarray, group: np.ndarray, position: np.ndarray, report: Report
) -> np.ndarray:
    """Rows by caption and position; of several with one position the first usable one, else the first.

    Labels of the other usable ones become -1.
    """
    lines = raw[_LINE].to_numpy()
    placed = np.flatnonzero((group >= 0) & (position >= 0))
    order = placed[np.lexsort((lines[placed], labels[placed] < 0, position[placed], group[placed]))]
    same = np.zeros(len(order), bool)
    same[1:] = (np.diff(group[order]) == 0) & (np.diff(position[order]) == 0)
    first = order[np.maximum.accumulate(np.where(same, 0, np.arange(len(order))))]
    for at, kept in sorted(zip(order[same], first[same], strict=True)):
        if labels[at] >= 0:
            report.add("duplicate_row", "sentence_index", lines[at], f"repeats line {lines[kept]}")
            labels[at] = -1
    return order[~same]


def _taken(rows: Any, order: np.ndarray) -> Any:
    """`rows.take(order)`, without a copy where that changes nothing."""
    return rows if np.array_equal(order, np.arange(len(rows))) else rows.take(pa.array(order))


def _joined(sentences: pa.Array, bounds: np.ndarray) -> pa.Array:
    """Sentences of each caption joined by one space; blank ones have no part in it."""
    said = pc.fill_null(pc.not_equal(pc.utf8_trim_whitespace(sentences), ""), False).to_numpy(
        zero_copy_only=False
    )
    offsets = np.r_[0, np.cumsum(said)][bounds]
    return pc.binary_join(
        pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), sentences.filter(pa.array(said))), " "
    )


def _report_gaps(
    raw: pa.Table,
    labels: np.ndarray,
    order: np.ndarray,
    bounds: np.ndarray,
    position: np.ndarray,
    report: Report,
) -> None:
    """Positions that no line has, unless a line that lost its key explains them."""
    keys = ["model", "image_name", "sentence_index"]
    lost = raw.filter(pa.array(labels < 0)).select(keys).to_pylist()
    before = np.r_[-1, position[order][:-1]]
    before[bounds[:-1]] = -1
    for place in np.flatnonzero(position[order] - before > 1):
        at, last = int(order[place]), int(before[place])
        skipped = range(last + 1, position[at])
        caption = raw.slice(at, 1).select(keys).to_pylist()[0]
        # More positions than lost lines cannot all be explained, so that no long range is walked.
        explained = len(skipped) <= len(lost) and all(
            any(_may_be(line, {**caption, "sentence_index": missing}) for line in lost) for missing in skipped
        )
        if not explained:
            report.add(
                "position_gap", "sentence_index", raw[_LINE][at].as_py(), f"{skipped[0]} to {skipped[-1]}"
            )


def _may_be(line: dict[str, Any], key: dict[str, Any]) -> bool:
    return all(value is None or value == key[name] for name, value in line.items())


def _wanted(models: pa.ChunkedArray, captioners: Sequence[str] | None, path: Path) -> np.ndarray:
    if captioners is None:
        return np.ones(len(models), bool)
    if isinstance(captioners, str):
        captioners = [captioners]
    present = models.unique().to_pylist()
    if not captioners:
        raise ReleaseError(f"captioners={captioners!r} leaves nothing: take of {', '.join(present)}")
    for name in captioners:
        if name not in present:
            near = difflib.get_close_matches(name, present, cutoff=0.3) or present
            raise ReleaseError(f"no captioner {name!r} in {path}: did you mean {', '.join(near)}?")
    return pc.is_in(models, pa.array(list(captioners), pa.string())).to_numpy()


def _safe_references(raw: pa.Table, report: Report) -> pa.Table:
    """`raw` with only those picture references that may be followed."""
    lines = raw[_LINE].to_numpy()
    missing = _null(raw, "image_path_in_repo") & _null(raw, "image_url")
    for at in np.flatnonzero(missing):
        report.add("missing_field", "image_url or image_path_in_repo", lines[at], "absent or null")
    for name, kind, safe in (
        ("image_path_in_repo", "path_traversal", _stays_inside),
        ("image_url", "refused_url", _is_http),
    ):
        texts = raw[name].unique().drop_null().to_pylist()
        refused = pa.array([text for text in texts if not safe(text)], pa.string())
        bad = pc.is_in(raw[name], refused)
        for at in np.flatnonzero(bad):
            report.add(kind, name, lines[at], raw[name][int(at)].as_py())
        kept = pc.if_else(bad, pa.scalar(None, pa.string()), raw[name])
        raw = raw.set_column(raw.schema.get_field_index(name), name, kept)
    return raw


def _stays_inside(path: str) -> bool:
    pure = PurePosixPath(path)
    return bool(pure.parts) and not (
        pure.is_absolute() or ".." in pure.parts or "\\" in path or ":" in pure.parts[0] or "\0" in path
    )


def _is_http(url: str) -> bool:
    try:
        parts = urllib.parse.urlsplit(url)
        host, _ = parts.hostname, parts.port  # a port out of range is a ValueError
    except ValueError:
        return False
    return parts.scheme.lower() in ("http", "https") and bool(host)


def _withdraw(table: pa.Table, lines: np.ndarray, folder: Path, complete: bool, report: Report) -> pa.Table:
    """The table with the sentences of ``withdrawn.jsonl`` (``{"id", "reason"}`` a line) made unknown.

    Ids are never reused: a withdrawn sentence stays in its place, or, of a complete table, in the report.
    """
    path = folder / WITHDRAWN_FILE
    if not path.is_file():
        return table
    places = {name: at for at, name in enumerate(table["id"].to_pylist())}
    labels = table["label"].to_numpy().copy()
    for number, text in enumerate(path.read_bytes().split(b"\n"), 1):
        if not text.strip():
            continue
        try:
            entry = json.loads(text)
            name, reason = str(entry["id"]), entry["reason"]
        except (ValueError, TypeError, KeyError) as error:
            raise ReleaseError(
                f'{path}, line {number}: expected {{"id": …, "reason": …}}, '
                f"got {text.decode(errors='replace')!r}; mend the line"
            ) from error
        if name in places:
            report.add("withdrawn", "annotation", lines[places[name]], f"{name}: {reason}")
            labels[places[name]] = LABELS.index("unknown")
        elif complete:
            report.add("withdrawn", "annotation", 0, f"{name}: {reason} (not in the file)")
    at = table.schema.get_field_index("label")
    return table.set_column(at, table.schema.field(at), pa.array(labels))


def _ids(raw: pa.Table) -> pa.Array:
    position = raw["sentence_index"].cast(pa.int32()).cast(pa.string())
    return pc.binary_join_element_wise(raw["model"], raw["image_name"], position, "/").combine_chunks()


def _rows(raw: pa.Table, labels: np.ndarray, texts: pa.Table, report: Report) -> pa.Table:
    """The typed table of config ``sentences``."""
    models = raw["model"]
    generated = pc.fill_null(pc.starts_with(raw["image_path_in_repo"], GENERATED_FOLDER), False)
    generators = {*GENERATORS, *models.filter(generated).unique().to_pylist()}
    types, spans = _annotations(raw, labels, report)
    columns = {
        "id": _ids(raw),
        "image": None,
        "image_id": raw["image_name"],
        "image_source": raw["image_source"],
        "image_url": raw["image_url"],
        "domain": raw["image_type"],
        "captioner": models,
        "direction": pc.is_in(models, pa.array(sorted(generators))).cast(pa.int64()),
        "position": raw["sentence_index"].cast(pa.int32()),
        "num_sentences": texts["num_sentences"],
        "sentence": raw["caption"],
        "caption": texts["caption"],
        "label": pa.array(labels),
        "hallucination_types": types,
        "spans": spans,
        "votes": _votes(raw, labels, report),
        "agreement": raw["agreement_ratio"].cast(pa.float32()),
        "fleiss_pi": raw["fleiss_Pi"].cast(pa.float32()),
    }
    schema = features().arrow_schema
    nulls = pa.nulls(raw.num_rows, schema.field("image").type)
    return pa.table([nulls if columns[f.name] is None else columns[f.name] for f in schema], schema=schema)


def _votes(raw: pa.Table, labels: np.ndarray, report: Report) -> pa.Array:
    """Votes as structs, null where no vote is known."""
    lines = raw[_LINE].to_numpy()
    votes = np.stack([raw[name].to_numpy() for name in _VOTES], axis=1)
    odd = (votes < 0) | (votes != np.floor(votes)) & ~np.isnan(votes) | (votes > 2**31 - 1)
    for at, column in np.argwhere(odd):
        report.add("bad_value", _VOTES[column], lines[at], f"{votes[at, column]:g}")
    votes[odd] = np.nan
    absent = np.isnan(votes)
    for column, name in enumerate(_VOTES):
        if not absent[:, column].all():
            for at in np.flatnonzero(absent[:, column] & ~odd[:, column]):
                report.add("missing_field", name, lines[at], "absent or null")
    # Columns are correct, incorrect, unknown; a majority of less than one more than the next is a tie.
    ranked = np.sort(votes, axis=1)
    majority = np.where(ranked[:, 2] > ranked[:, 1], np.array([1, 0, 2])[np.argmax(votes, axis=1)], 2)
    for at in np.flatnonzero(~absent.any(axis=1) & (votes.sum(axis=1) > 0) & (majority != labels)):
        said = "/".join(f"{vote:g}" for vote in votes[at])
        report.add("votes_contradict_label", "annotation", lines[at], f"{LABELS[labels[at]]} by votes {said}")
    arrays = [
        pa.array(np.where(gone, 0, column).astype(np.int32), mask=gone)
        for column, gone in zip(votes.T, absent.T, strict=True)
    ]
    return pa.StructArray.from_arrays(
        arrays, ["correct", "incorrect", "unknown"], mask=pa.array(absent.all(axis=1))
    )


def _annotations(raw: pa.Table, labels: np.ndarray, report: Report) -> tuple[pa.Array, pa.Array]:
    """Hallucination types and spans of every row."""
    marked = np.flatnonzero((labels == 0) | ~_null(raw, "error_type") | ~_null(raw, "error_words"))
    part = raw.take(pa.array(marked)).select([_LINE, "caption", "error_type", "error_words"]).to_pydict()
    all_types: list[list[int]] = [[]] * raw.num_rows
    all_spans: list[list[dict[str, Any]]] = [[]] * raw.num_rows
    for at, line, sentence, type_text, words in zip(marked, *part.values(), strict=True):
        types = _row_types(type_text, line, labels[at], report)
        spans = _row_spans(sentence, words, types, line, labels[at], report)
        if labels[at] == LABELS.index("correct") and (types or spans):
            report.add("words_without_error", "error_words", line, sentence)
        all_types[at] = list(dict.fromkeys(index for index in types if index is not None))
        all_spans[at] = spans
    schema = features().arrow_schema
    return (
        pa.array(all_types, schema.field("hallucination_types").type),
        pa.array(all_spans, schema.field("spans").type),
    )


def _row_types(text: str | None, line: int, label: int, report: Report) -> tuple[int | None, ...]:
    types, unknown = _types(text)
    for name in unknown:
        report.add("unknown_error_type", "error_type", line, name)
    if not types and label == LABELS.index("incorrect"):
        report.add("missing_field", "error_type", line, "absent or null")
    return types


def _row_spans(
    sentence: str, words: str | None, types: Sequence[int | None], line: int, label: int, report: Report
) -> list[dict[str, Any]]:
    phrases = _phrases(words, sentence)
    if not phrases and label == LABELS.index("incorrect"):
        report.add("missing_field", "error_words", line, "absent or null")
    if len(types) > 1 and len(types) != len(phrases):
        report.add("types_not_aligned", "error_type", line, f"{len(types)} types, {len(phrases)} phrases")
    spans = []
    for number, (phrase, span) in enumerate(zip(phrases, find_spans(sentence, phrases), strict=True)):
        if span is None:
            report.add("error_words_typo", "error_words", line, phrase)
            continue
        if span.how:
            report.add(span.how, "error_words", line, phrase)
        kind = types[0] if len(types) == 1 else types[number] if len(types) == len(phrases) else None
        text = sentence[span.start : span.end]
        spans.append({"start": span.start, "end": span.end, "text": text, "type": kind})
    return spans


def _caption_keys(table: pa.Table) -> pa.Array:
    return pc.binary_join_element_wise(table["captioner"], table["image_id"], "/").combine_chunks()


def _by_caption(table: pa.Table) -> pa.Table:
    """The table of config ``captions`` from that of ``sentences``, in order of first appearance."""
    keys = _caption_keys(table)
    codes = keys.dictionary_encode().indices.to_numpy()
    order = np.lexsort((table["position"].to_numpy(), codes))
    table, codes = table.take(pa.array(order)), codes[order]
    starts = np.flatnonzero(np.r_[True, np.diff(codes) != 0]) if len(codes) else np.zeros(0, np.int64)
    bounds = np.r_[starts, len(codes)]
    schema = features("captions").arrow_schema
    element = schema.field("sentences").type.value_type
    columns = {name: table[name].combine_chunks() for name in table.column_names}
    columns["start"], columns["end"] = _places_in_caption(columns["caption"], columns["sentence"], bounds)
    structs = pa.StructArray.from_arrays([columns[f.name] for f in element], fields=list(element))
    heads = {f.name: columns[f.name].take(pa.array(starts)) for f in schema if f.name in columns}
    heads["id"] = keys.take(pa.array(order)).take(pa.array(starts))
    heads["sentences"] = pa.ListArray.from_arrays(pa.array(bounds, pa.int32()), structs).cast(
        schema.field("sentences").type
    )
    heads["image"] = columns["image"].take(pa.array(_first_known(columns["image"], starts, bounds)))
    heads["image_url"] = columns["image_url"].take(
        pa.array(_first_known(columns["image_url"], starts, bounds))
    )
    return pa.table([heads[f.name] for f in schema], schema=schema)


def _first_known(column: pa.Array, starts: np.ndarray, bounds: np.ndarray) -> np.ndarray:
    """Of each caption, the first row that has a value, else its first row."""
    known = np.flatnonzero(column.is_valid().to_numpy(zero_copy_only=False))
    nearest = np.append(known, len(column))[np.searchsorted(known, starts)]
    return np.where(nearest < bounds[1:], nearest, starts)


def _places_in_caption(
    captions: pa.Array, sentences: pa.Array, bounds: np.ndarray
) -> tuple[pa.Array, pa.Array]:
    """Offsets of each sentence in its caption, sentences in order."""
    starts, ends = [], []
    for first, last in itertools.pairwise(bounds):
        caption, at = captions[first].as_py(), 0
        for sentence in sentences[first:last].to_pylist():
            at = caption.index(sentence, at)
            starts.append(at)
            at += len(sentence)
            ends.append(at)
    return pa.array(starts, pa.int32()), pa.array(ends, pa.int32())


# ---------------------------------------------------------------------------------------------
# Pictures
# ---------------------------------------------------------------------------------------------

MAX_PICTURE_BYTES = 64 << 20
MAX_PICTURE_PIXELS = 1 << 27
_SOCKET_SECONDS = 20.0
_PICTURE_SECONDS = 120.0
_TRIES = 3
_BACKOFF_SECONDS = 0.25
_WORKERS = 16


# Where a picture is looked for: ("own" | "release" | "url", address).
_Where = tuple[str, str]
# Fields that a finding about a picture may name, by where the picture was looked for.
_PICTURE_FIELDS = {"url": "image_url", "own": "image_dirs", "release": "image_path_in_repo"}


class Unavailable(Exception):  # noqa: N818 - an outcome to count, often no error
    """A picture that cannot be had; the message is the reason, short enough to count by."""


class _Transient(Unavailable):
    """A failure that another try may mend."""


@functools.cache
def _formats() -> list[str]:
    """Formats that are read. Others are no web pictures, and some run a program (EPS: Ghostscript)."""
    Image.init()
    wanted = ("AVIF", "BMP", "GIF", "JPEG", "JPEG2000", "MPO", "PNG", "TIFF", "WEBP")
    return [name for name in wanted if name in Image.OPEN]


def check_picture(source: Path | bytes) -> str:
    """Decode a picture completely and return its format, e.g. ``PNG``; raises Unavailable."""
    if isinstance(source, Path) and not os.path.isfile(source):
        raise Unavailable("no such file")
    size = len(source) if isinstance(source, bytes) else source.stat().st_size
    if size > MAX_PICTURE_BYTES:
        raise Unavailable("too large")
    try:
        file = io.BytesIO(source) if isinstance(source, bytes) else source
        with Image.open(file, formats=_formats()) as picture:
            if picture.width * picture.height > MAX_PICTURE_PIXELS:
                raise Unavailable("decompression bomb")
            picture.load()
            return picture.format or "image"
    except Unavailable:
        raise
    except PermissionError:
        raise Unavailable("no permission to read it") from None
    except Image.DecompressionBombError:
        raise Unavailable("decompression bomb") from None
    except UnidentifiedImageError:
        raise Unavailable("not an image") from None
    # Pillow's decoders raise whatever their parsing met: struct.error, SyntaxError, IndexError, ...
    except Exception:
        raise Unavailable("damaged image") from None


class _HttpRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, request, stream, code, message, headers, url):  # type: ignore[no-untyped-def]
        if not _is_http(url):
            raise Unavailable("redirect to other than http(s)")
        return super().redirect_request(request, stream, code, message, headers, url)


class PictureStore:
    """Pictures by URL under the Hugging Face cache: each fetched once, failures remembered.

    ``urls/<sha256 of the URL>.json`` names the file of a URL or the reason of its failure,
    ``files/<sha256 of the bytes>.<format>`` holds the original bytes. Every file appears whole or not at
    all, so that processes may share the store and be killed at any moment.
    """

    def __init__(self, root: str | os.PathLike[str] | None = None) -> None:
        self.root = Path(root or Path(huggingface_hub.constants.HF_HOME) / "alignbench" / "pictures")

    def get(self, url: str, retry: bool = False) -> Path:
        """The file with the picture at `url`, fetched if it is not there.

        A remembered failure is raised again without a request, unless `retry`. Raises Unavailable.
        """
        record = self._record(url)
        if "file" in record:
            path = self.root / "files" / record["file"]
            with contextlib.suppress(OSError):
                if path.stat().st_size == record.get("bytes"):
                    return path
        elif "failure" in record and not retry:
            raise Unavailable(record["failure"])
        if huggingface_hub.constants.HF_HUB_OFFLINE:
            raise Unavailable("offline (HF_HUB_OFFLINE is set)")
        try:
            data = _fetch(url)
            name = f"{hashlib.sha256(data).hexdigest()}.{check_picture(data).lower()}"
        except Unavailable as failure:
            self._remember(url, {"failure": str(failure)})
            raise
        write_atomically(self.root / "files" / name, data)
        self._remember(url, {"file": name, "bytes": len(data)})
        return self.root / "files" / name

    def _place(self, url: str) -> Path:
        return self.root / "urls" / f"{hashlib.sha256(url.encode()).hexdigest()}.json"

    def _record(self, url: str) -> dict[str, Any]:
        """What is remembered of `url`; {} for nothing, or nothing that can be read."""
        with contextlib.suppress(OSError, ValueError):
            record = json.loads(self._place(url).read_bytes())
            if isinstance(record, dict):
                return record
        return {}

    def _remember(self, url: str, outcome: dict[str, Any]) -> None:
        write_atomically(self._place(url), json.dumps({"url": url, **outcome}).encode())


def _fetch(url: str) -> bytes:
    """The bytes at `url`, with limited tries; raises Unavailable."""
    for attempt in range(_TRIES):
        try:
            return _fetch_once(url)
        except _Transient as failure:
            if attempt == _TRIES - 1:
                raise Unavailable(str(failure)) from None
            time.sleep(_BACKOFF_SECONDS * 3**attempt)
    raise AssertionError("unreachable")


def _fetch_once(url: str) -> bytes:
    if not _is_http(url):
        raise Unavailable("no http(s) URL")
    opener = urllib.request.build_opener(_HttpRedirects)
    deadline = time.monotonic() + _PICTURE_SECONDS
    try:
        request = urllib.request.Request(_quoted(url), headers={"User-Agent": f"alignbench/{__version__}"})
        with opener.open(request, timeout=_SOCKET_SECONDS) as response:
            data = bytearray()
            while chunk := response.read1(1 << 16):
                data += chunk
                if len(data) > MAX_PICTURE_BYTES:
                    raise Unavailable("too large")
                if time.monotonic() > deadline:
                    raise _Transient("timeout")
            expected = response.headers.get("Content-Length")
    except urllib.error.HTTPError as error:
        raise _answered(error) from None
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise _network_failure(getattr(error, "reason", error)) from None
    if expected and expected.isdigit() and len(data) < int(expected):
        raise _Transient("connection lost")
    return bytes(data)


def _quoted(url: str) -> str:
    """`url` in ASCII, without its fragment: people write spaces and letters of any language in it."""
    parts = urllib.parse.urlsplit(url)
    path, query = (urllib.parse.quote(part, safe="%/:=&?~+!$,;'@()*[]") for part in (parts.path, parts.query))
    host = parts.netloc.encode("idna").decode()
    return urllib.parse.urlunsplit((parts.scheme, host, path, query, ""))


def _answered(error: urllib.error.HTTPError) -> Unavailable:
    # urllib refuses some redirects before it asks the handler above.
    if not _is_http(error.url):
        return Unavailable("redirect to other than http(s)")
    kind = _Transient if error.code in (408, 425, 429) or error.code >= 500 else Unavailable
    return kind(f"HTTP {error.code}")


def _network_failure(reason: object) -> Unavailable:
    if isinstance(reason, TimeoutError):
        return _Transient("timeout")
    if isinstance(reason, ConnectionRefusedError):
        return _Transient("connection refused")
    if isinstance(reason, socket.gaierror):
        return _Transient("unknown host")
    if isinstance(reason, ssl.SSLCertVerificationError):
        return Unavailable("untrusted certificate")
    # A host of empty or overlong labels is a UnicodeError, whose `reason` is a text.
    if isinstance(reason, (str, ValueError, http.client.InvalidURL)):
        return Unavailable("malformed URL")
    return _Transient("connection lost")


@dataclass
class Pictures:
    """Where pictures come from: folders that the user has, then the release (a local folder or a Hub
    repo at a commit), then their URL, unless `urls` is false."""

    folder: Path | None = None
    hub: tuple[str, str] | None = None
    token: str | bool | None = None
    image_dirs: dict[str, str] | None = None
    retry: bool = False
    urls: bool = True

    def places(self, table: pa.Table, paths: pa.Array) -> list[_Where | None]:
        """Where each row's picture is looked for; needs the whole table to tell names that several share."""
        folders = {
            source.casefold(): _own_files(_own_folder(source, folder))
            for source, folder in (self.image_dirs or {}).items()
        }
        names = ("image_source", "image_id", "image_url")
        rows = list(zip(*(table[name].to_pylist() for name in names), paths.to_pylist(), strict=True))
        urls = {(source, url) for source, _, url, _ in rows if url} if folders else set()
        uses = Counter((source, PurePosixPath(_file_name(url)).stem) for source, url in urls)
        places: list[_Where | None] = []
        for source, name, url, path in rows:
            own = folders.get((source or "").casefold(), {})
            file = _file_name(url) if own and url else ""
            shared = uses[source, PurePosixPath(file).stem] > 1
            keys = [*_own_keys(name), *_own_keys(file)[2 if shared else 0 :]] if own else []
            if own and name.isdecimal():
                keys.append(f"COCO {int(name)}")
            hit = next((own[key] for key in keys if key in own), None)
            if hit or path:
                places.append(("own", hit) if hit else ("release", path))
            else:
                places.append(("url", url) if url and self.urls else None)
        return places

    def unused(self, table: pa.Table) -> list[str]:
        """Keys of `image_dirs` that are no row's ``image_source``."""
        sources = {(source or "").casefold() for source in table["image_source"].unique().to_pylist()}
        return [source for source in self.image_dirs or {} if source.casefold() not in sources]

    def attach(
        self, table: pa.Table, places: Sequence[_Where | None], lines: Iterable[int], report: Report
    ) -> pa.Table:
        """`table` with its ``image`` column filled; what cannot be had stays null and is reported."""
        first = {
            place: line for place, line in zip(reversed(places), reversed(list(lines)), strict=True) if place
        }
        found = self._get_all(sorted(first, key=first.__getitem__))
        outcomes: Counter[str] = Counter()
        for place, outcome in found.items():
            outcomes["available" if isinstance(outcome, Path) else str(outcome)] += 1
            if isinstance(outcome, Unavailable):
                report.add(
                    "picture_unavailable", _PICTURE_FIELDS[place[0]], first[place], f"{outcome}: {place[1]}"
                )
        report.pictures = {"distinct": len(found), **dict(outcomes.most_common())}
        files = {place: str(path) for place, path in found.items() if isinstance(path, Path)}
        image = features().arrow_schema.field("image")
        column = [{"bytes": None, "path": files[p]} if p in files else None for p in places]
        return table.set_column(table.schema.get_field_index("image"), image, pa.array(column, image.type))

    def _get_all(self, places: Sequence[_Where]) -> dict[_Where, Path | Unavailable]:
        found: dict[_Where, Path | Unavailable] = {}
        pool = ThreadPoolExecutor(_WORKERS)
        try:
            outcomes = pool.map(self._get, places)
            bar = datasets.utils.tqdm(outcomes, total=len(places), desc="Pictures", unit="picture", delay=1)
            for place, outcome in zip(places, bar, strict=True):
                found[place] = outcome
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
        return found

    def _get(self, place: _Where) -> Path | Unavailable:
        kind, where = place
        try:
            if kind == "url":
                return PictureStore().get(where, self.retry)
            if kind == "own":
                path = Path(where)
            else:
                path = self._from_hub(where) if self.hub else _inside(self.folder or Path(), where)
            check_picture(path)
            return path
        except Unavailable as failure:
            return failure

    def _from_hub(self, path: str) -> Path:
        repo, revision = self.hub or ("", "")
        try:
            return Path(
                huggingface_hub.hf_hub_download(
                    repo, path, repo_type="dataset", revision=revision, token=self.token
                )
            )
        except Exception as error:  # the HTTP library below differs between versions, so do its errors
            raise _not_from_hub(error) from None


def _not_from_hub(error: Exception) -> Unavailable:
    status, errors = _status(error), huggingface_hub.utils
    if isinstance(error, errors.EntryNotFoundError) and status == 404:
        return Unavailable("no such file in the Hub repo")
    if status:
        return Unavailable(f"Hub answered {status}")
    if isinstance(error, errors.LocalEntryNotFoundError):
        return Unavailable("not in the cache, and the Hub cannot be reached")
    return Unavailable(type(error).__name__)


def _own_folder(source: str, folder: str) -> Path:
    if not os.path.isdir(folder):
        raise FileNotFoundError(f"image_dirs={{{source!r}: {folder!r}}}: no such folder")
    return Path(folder).absolute()


def _own_files(folder: Path) -> dict[str, str]:
    """Files in a folder of the user, under each key that `_own_keys` gives their name."""
    files: dict[str, str] = {}
    with os.scandir(folder) as entries:
        for name in sorted(entry.name for entry in entries if entry.is_file()):
            for key in _own_keys(name):
                files.setdefault(key, str(folder / name))
    return files


def _own_keys(name: str) -> list[str]:
    """What a picture called `name` is looked up by: its name, its stem and, if it has one, its COCO number.

    COCO pictures carry the same twelve digits under several names (COCO_val2014_000000000042.jpg); other
    numbers, such as a downloader's counter, identify no picture.
    """
    stem = PurePosixPath(name).stem
    number = re.search(r"(?:^|_)(\d{12})$", stem)
    return [name, stem, *([f"COCO {int(number[1])}"] if number else [])]


def _file_name(url: str) -> str:
    return urllib.parse.unquote(PurePosixPath(urllib.parse.urlsplit(url).path).name)


def _inside(folder: Path, path: str) -> Path:
    """The file at `path` in `folder`; raises Unavailable where a symlink leads out of it."""
    # Path.resolve raises on a link that leads to itself.
    root, target = (Path(os.path.realpath(place)) for place in (folder, folder / path))
    roots = [root]
    # A snapshot in the Hub cache is made of links to the blobs beside it.
    if root.parent.name == "snapshots":
        roots.append(root.parent.parent / "blobs")
    if not any(target.is_relative_to(allowed) for allowed in roots):
        raise Unavailable("link out of the release refused")
    return target


# ---------------------------------------------------------------------------------------------
# The Hub
# ---------------------------------------------------------------------------------------------


@contextlib.contextmanager
def _hub_errors(repo: str, revision: str) -> Iterator[None]:
    """Says what to do where a release on the Hub cannot be had."""
    where = f"{repo} at {revision} on {huggingface_hub.constants.ENDPOINT}"
    local = "or give a local release folder with data_dir="
    try:
        yield
    # The HTTP library below, and so its errors, differ between versions of huggingface_hub.
    except Exception as error:
        if isinstance(error, OSError) and error.errno:
            raise  # the disk, not the Hub
        raise ReleaseError(f"{where}{_hub_remedy(error, _status(error))}, {local}") from error


def _hub_remedy(error: Exception, status: int | None) -> str:
    """What the Hub's `error` means and what to do about it; `status` is its HTTP status, if it answered."""
    errors, login = huggingface_hub.utils, "log in (`hf auth login`, or set HF_TOKEN)"
    if isinstance(error, errors.RevisionNotFoundError):
        return ": no such revision; check revision="
    if isinstance(error, errors.GatedRepoError):
        return ": access is restricted; ask for it on the repo's page"
    if isinstance(error, errors.RepositoryNotFoundError):
        return f": no such dataset repo, or it is private; check release= and {login}"
    if status in (401, 403):
        return f": the Hub answered {status}; {login}"
    if status == 404:
        return f": it holds no {RELEASE_FILE}; check release= and revision="
    if status:
        return f": the Hub answered {status}; try again later"
    offline = huggingface_hub.constants.HF_HUB_OFFLINE
    remedy = "unset HF_HUB_OFFLINE for one load" if offline else "check the network and HF_ENDPOINT"
    return f" is not in the cache and cannot be reached: {remedy}"


def _status(error: BaseException | None) -> int | None:
    while error is not None:
        status = getattr(getattr(error, "response", None), "status_code", None)
        if status is not None:
            return int(status)
        error = error.__cause__ or error.__context__
    return None


# Made known while a builder is made: its config looks a branch up before it could be told the token.
_token: contextvars.ContextVar[str | bool | None] = contextvars.ContextVar("_token", default=None)


def _commit(repo: str, revision: str) -> str:
    """The commit that `revision` names now; without network, the one that it named when last seen."""
    if re.fullmatch(r"[0-9a-f]{40}", revision):
        return revision
    return _download_release(repo, revision, _token.get()).parent.name


def _download_release(repo: str, revision: str, token: str | bool | None) -> Path:
    """The release's JSONL in the Hub cache; the client also keeps there what a branch stands for."""
    with _hub_errors(repo, revision):
        return Path(
            huggingface_hub.hf_hub_download(
                repo, RELEASE_FILE, repo_type="dataset", revision=revision, token=token
            )
        )


def _download_withdrawn(repo: str, commit: str, token: str | bool | None) -> None:
    """Put the list of withdrawn sentences beside the release's JSONL, if the release has one."""
    place: dict[str, Any] = {"repo_type": "dataset", "revision": commit}
    # A path, or a mark that the commit has no such file.
    if huggingface_hub.try_to_load_from_cache(repo, WITHDRAWN_FILE, **place) is not None:
        return
    with _hub_errors(repo, commit):
        try:
            huggingface_hub.hf_hub_download(repo, WITHDRAWN_FILE, token=token, **place)
        except huggingface_hub.utils.LocalEntryNotFoundError as error:
            if _status(error):
                raise
        except huggingface_hub.utils.EntryNotFoundError:
            pass


# ---------------------------------------------------------------------------------------------
# The builder
# ---------------------------------------------------------------------------------------------

# datasets < 4 runs a copy of a loading script, and it knows where the original lies: the download manager
# finds what is beside that.
_IS_COPY = __name__.startswith("datasets_modules")
_SHARDS = 8
_STREAMED_ROWS = 256


@dataclass
class AlignBenchConfig(datasets.BuilderConfig):
    """Options of `load_dataset("alignbench", ...)`.

    `data_dir`: a local release folder, in place of the Hub repo `release` at `revision`. `captioners`:
    only these. `images`: "auto" (null where a picture cannot be had), "release" (only those
    that the release or `image_dirs` hold, none fetched by URL), "skip" (all null) or "require"
    (an error that lists what cannot be had). `image_dirs`: {image_source: folder} of pictures that the
    user has. `strict`: every irregularity of the release is an error. Raises ValueError for other values.
    """

    release: str = HUB_RELEASE
    revision: str | None = None
    captioners: list[str] | None = None
    images: str = "auto"
    image_dirs: dict[str, str] | None = None
    strict: bool = False
    # The commit of the Hub repo to read, looked up once.
    commit: str = default(default="", init=False)

    def create_config_id(self, config_kwargs: dict, custom_features: datasets.Features | None = None) -> str:
        """The config's name in the cache, which changes with the release's content."""
        # Options are set on a copy of the named config: only here are all of them in place.
        self._check_options()
        # An option given as its default is the same dataset.
        defaults = {field.name: field.default for field in fields(self)}
        kwargs = {name: value for name, value in config_kwargs.items() if value != defaults.get(name, ...)}
        if self.name == "sample":
            kwargs["content"] = None if _IS_COPY else _fingerprint(_sample_folder())
        elif self.data_dir is not None:
            kwargs["content"] = _fingerprint(Path(self.data_dir))
        else:
            revision = self.revision or (HUB_REVISION if self.release == HUB_RELEASE else "main")
            kwargs["revision"] = self.commit = _commit(self.release, revision)
        if self.image_dirs:
            kwargs["image_dirs"] = {
                source: _listing(_own_folder(source, folder)) for source, folder in self.image_dirs.items()
            }
        return super().create_config_id(kwargs, custom_features)

    def _check_options(self) -> None:
        if self.images not in ("auto", "release", "skip", "require"):
            raise ValueError(f"images={self.images!r}: take 'auto', 'release', 'skip' or 'require'")
        if self.data_files is not None:
            raise ValueError("alignbench reads whole releases: give data_dir=, not data_files=")
        if not isinstance(self.image_dirs or {}, dict):
            raise ValueError(
                f"image_dirs={self.image_dirs!r}: expected {{image_source: folder}}, "
                'e.g. {"coco": "/data/val2014"}'
            )
        elsewhere = self.release != HUB_RELEASE or self.revision
        if self.name == "sample" and (self.data_dir or elsewhere):
            raise ValueError("the sample is embedded: it takes no data_dir=, release= or revision=")
        if self.data_dir is not None and elsewhere:
            raise ValueError("data_dir= is a release of its own: leave out release= and revision=, or it")


def _fingerprint(folder: Path) -> str:
    """Digest of a release folder: its place, the content of its JSONL, its pictures by size and time."""
    digest = hashlib.sha256(str(folder.resolve()).encode())
    for name in (RELEASE_FILE, WITHDRAWN_FILE):
        if (folder / name).is_file():
            digest.update((folder / name).read_bytes())
    for place, folders, files in os.walk(folder / "images"):
        folders.sort()
        for name in sorted(files):
            with contextlib.suppress(OSError):
                status = os.stat(os.path.join(place, name))
                digest.update(f"{place}/{name} {status.st_size} {status.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def _listing(folder: Path) -> str:
    """Digest of a folder: its place, its files by name, size and time."""
    with os.scandir(folder) as entries:
        files = sorted((e.name, e.stat().st_size, e.stat().st_mtime_ns) for e in entries if e.is_file())
    return hashlib.sha256(repr((str(folder.resolve()), files)).encode()).hexdigest()


def _sample_folder() -> Path:
    here = Path(__file__).resolve().parent
    for folder in (here / "alignbench_sample", here / "sample"):
        if (folder / RELEASE_FILE).is_file():
            return folder
    raise FileNotFoundError(f"no sample beside {__file__}: install alignbench again")


class AlignBench(datasets.ArrowBasedBuilder):
    """Builds one split, ``test``, of config ``sentences``, ``captions`` or ``sample``."""

    BUILDER_CONFIG_CLASS = AlignBenchConfig
    BUILDER_CONFIGS = [  # noqa: RUF012
        AlignBenchConfig(name="sentences", description="One row per sentence of the release."),
        AlignBenchConfig(name="captions", description="One row per caption, its sentences nested."),
        AlignBenchConfig(name="sample", description="Drawn pictures and made-up captions; no network."),
    ]
    DEFAULT_CONFIG_NAME = "sentences"

    def __init__(self, *args: Any, token: str | bool | None = None, **options: Any) -> None:
        reset = _token.set(token)
        try:
            super().__init__(*args, token=token, **options)
        finally:
            _token.reset(reset)

    def _info(self) -> datasets.DatasetInfo:
        return datasets.DatasetInfo(
            description="AlignBench: does this sentence match this image? (not THUDM/AlignBench)",
            homepage="https://huggingface.co/datasets/omron-sinicx/AlignBench",
            citation="Saito et al. AlignBench: Benchmarking Fine-Grained Image-Text Alignment with "
            "Synthetic Image-Caption Pairs. arXiv:2511.20515, 2025.",
            features=features(self.config.name),
        )

    def _split_generators(self, dl_manager: Any) -> list[datasets.SplitGenerator]:
        folder, name, pictures = self._source(dl_manager)
        release = _read_release(folder, self.config.captioners, self.config.strict)
        streaming = getattr(dl_manager, "is_streaming", False)
        table, report = release.table, release.report
        report.source = name
        if not table.num_rows:
            raise ReleaseError(f"no line can be used:\n{report}")
        for source in pictures.unused(table):
            report.add("unused_image_dir", "image_source", 0, source)
            logger.warning(f"alignbench: {report.findings[-1]}")
        places = pictures.places(table, release.paths) if self.config.images != "skip" else []
        lazy = streaming and self.config.images in ("auto", "release")
        if self.config.images != "skip" and not lazy:
            table = pictures.attach(table, places, release.lines, report)
            self._check_pictures(table, release.lines, report)
        if report.irregular:
            counts = ", ".join(f"{count:,} {kind}" for kind, count in report.counts().items())
            how = "loaded without streaming=True, " if streaming else ""
            logger.warning(f"alignbench: {counts}; {how}print(alignbench.report(dataset)) lists all")
        if not streaming and os.path.isdir(self._output_dir or ""):
            report.save(Path(self._output_dir) / "report.json")
        if lazy:
            where = pa.array(places, pa.list_(pa.string()))
            table = table.append_column("_place", where).append_column("_line", pa.array(release.lines))
        shards = _shards(table, self.config.name == "captions", _STREAMED_ROWS if lazy else None)
        arguments = {"shards": shards, "pictures": pictures if lazy else None}
        return [datasets.SplitGenerator(name=datasets.Split.TEST, gen_kwargs=arguments)]

    def _source(self, dl_manager: Any) -> tuple[Path, str, Pictures]:
        """The release folder (of a Hub release: only its JSONL), its name, and where its pictures are."""
        config, download = self.config, dl_manager.download_config
        pictures = Pictures(
            image_dirs=config.image_dirs,
            retry=bool(getattr(download, "force_download", False)),
            urls=config.images != "release",
        )
        if config.name == "sample":
            copy = Path(dl_manager.download(f"sample/{RELEASE_FILE}")).parent if _IS_COPY else None
            pictures.folder = copy or _sample_folder()
            return pictures.folder, "embedded sample", pictures
        if config.data_dir is not None:
            pictures.folder = Path(config.data_dir).absolute()
            return pictures.folder, str(pictures.folder), pictures
        pictures.hub = (config.release, config.commit)
        pictures.token = getattr(download, "token", None)
        path = _download_release(*pictures.hub, pictures.token)
        _download_withdrawn(*pictures.hub, pictures.token)
        return path.parent, f"{config.release}@{config.commit}", pictures

    def _check_pictures(self, table: pa.Table, lines: np.ndarray, report: Report) -> None:
        if self.config.images != "require" or not table["image"].null_count:
            return
        null = set(lines[_null(table, "image")].tolist())
        lost = sorted(
            (line, value)
            for finding in report.findings
            if any(name in finding.field for name in _PICTURE_FIELDS.values())
            for line, value in zip(finding.lines, finding.values, strict=True)
            if line in null
        )
        listed = "\n".join(f"  line {line}: {value}" for line, value in lost)
        raise ReleaseError(
            f"images='require', and {_count(len(lost), 'picture')} cannot be had "
            f"(download_mode='force_redownload' tries failed ones again):\n{listed}"
        )

    def _generate_tables(
        self, shards: list[_Shard], pictures: Pictures | None
    ) -> Iterator[tuple[int, pa.Table]]:
        for number, (table,) in enumerate(shards):
            if pictures:
                found = Report(source="")
                places = [place and tuple(place) for place in table["_place"].to_pylist()]
                lines = table["_line"].to_pylist()
                table = pictures.attach(table.drop_columns(["_place", "_line"]), places, lines, found)
                for finding in found.findings:
                    logger.warning(f"alignbench: {finding}")
            yield number, _by_caption(table) if self.config.name == "captions" else table


def _shards(table: pa.Table, whole_captions: bool, rows: int | None) -> list[_Shard]:
    """The table in runs of about `rows` rows (default: an eighth), cut between captions if so wanted."""
    size = rows or -(-table.num_rows // _SHARDS) or 1
    bounds = np.r_[np.arange(0, table.num_rows, size), table.num_rows]
    if whole_captions and table.num_rows:
        codes = _caption_keys(table).dictionary_encode().indices.to_numpy()
        order = np.lexsort((table["position"].to_numpy(), codes))
        table = table.take(pa.array(order))
        ends = np.flatnonzero(np.diff(codes[order], append=-1)) + 1
        bounds = np.unique(np.r_[0, ends[np.searchsorted(ends, bounds[1:])]])
    return [_Shard(table.slice(a, b - a)) for a, b in itertools.pairwise(bounds)] or [_Shard(table)]


class _Shard(NamedTuple):
    """Rows for one worker process: sent as an Arrow stream, which leaves the other rows' buffers behind."""

    table: pa.Table

    def __reduce__(self) -> Any:
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, self.table.schema) as writer:
            writer.write_table(self.table)
        return _received, (sink.getvalue().to_pybytes(),)


def _received(stream: bytes) -> _Shard:
    return _Shard(pa.ipc.open_stream(stream).read_all())


# ---------------------------------------------------------------------------------------------
# Registration
# ---------------------------------------------------------------------------------------------

_NAME = "alignbench"
_METRIC = "alignbench_auroc"


def _source_hash() -> str:
    """Cache key: this file, and whether `datasets` has the type List, which older ones cannot read."""
    digest = hashlib.sha256(Path(__file__).read_bytes())
    digest.update(str(hasattr(datasets, "List")).encode())
    return digest.hexdigest()


def _dataset_module(revision: str | None = None, data_files: object = None, **_: object) -> Any:
    from datasets.load import DatasetModule

    if data_files is not None:
        raise ValueError("alignbench reads whole releases: give data_dir=, not data_files=")
    arguments: dict[str, Any] = {"dataset_name": _NAME, "base_path": str(Path(__file__).resolve().parent)}
    if revision is not None:
        arguments["revision"] = str(revision)
    return DatasetModule(__name__, _source_hash(), arguments)


def _metric_script() -> str:
    spec = importlib.util.find_spec(_METRIC)
    for folder in (spec.submodule_search_locations if spec else None) or ():
        if (script := Path(folder) / f"{_METRIC}.py").is_file():
            return str(script)
    raise FileNotFoundError(
        f"the metric {_METRIC} is not installed beside alignbench: install alignbench again"
    )


def _replace(package: str, factory: str, module: str, make: Any) -> None:
    """Wrap `factory` of `module` wherever a module of `package` holds it, once."""
    original = getattr(sys.modules.get(module), factory, None)
    if original is None:
        raise ImportError(f"{module} has no {factory}")
    original = getattr(original, "_alignbench_original", original)
    wrapper = make(original)
    wrapper._alignbench_original = original
    for name, held in list(sys.modules.items()):
        if name == package or name.startswith(f"{package}."):
            current = getattr(held, factory, None)
            if current is not None and getattr(current, "_alignbench_original", current) is original:
                setattr(held, factory, wrapper)


def _dataset_factory(original: Any) -> Any:
    def dataset_module_factory(path: str, *args: Any, **kwargs: Any) -> Any:
        return _dataset_module(*args, **kwargs) if str(path) == _NAME else original(path, *args, **kwargs)

    return dataset_module_factory


def _metric_factory(original: Any) -> Any:
    def evaluation_module_factory(path: str, *args: Any, **kwargs: Any) -> Any:
        return original(_metric_script() if str(path) == _METRIC else path, *args, **kwargs)

    return evaluation_module_factory


def _register_metric() -> None:
    _replace("evaluate", "evaluation_module_factory", "evaluate.loading", _metric_factory)


class _AfterImport(importlib.machinery.PathFinder):
    """Registers the metric when `evaluate` is imported, for importing it takes half a second."""

    @classmethod
    def find_spec(cls, fullname: str, path: Any = None, target: Any = None) -> Any:
        if fullname != "evaluate.loading":
            return None
        spec = super().find_spec(fullname, path, target)
        if spec is not None and spec.loader is not None:
            execute = spec.loader.exec_module

            def exec_module(module: Any) -> None:
                execute(module)
                _register_metric()

            spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec


def register() -> None:
    """Make `load_dataset("alignbench")` and `evaluate.load("alignbench_auroc")` mean this package.

    Neither library has a public hook for a name, so the functions that look names up are wrapped, in
    memory and for these two names only. Called at import.
    """
    try:
        import datasets.inspect
        import datasets.load  # noqa: F401

        _replace("datasets", "dataset_module_factory", "datasets.load", _dataset_factory)
        if "evaluate.loading" in sys.modules:
            _register_metric()
        else:
            sys.meta_path.insert(0, _AfterImport)  # type: ignore[arg-type]
    except ImportError as error:
        logger.warning(
            f"alignbench could not register its names ({error}): call alignbench.AlignBench(config_name=...)"
            f".download_and_prepare() and .as_dataset(), and evaluate.load({_metric_script()!r})"
        )


# A copy answers for nothing but itself.
if not _IS_COPY:
    register()
