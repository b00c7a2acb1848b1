"""Where the numbers come from: signature, data, how each detector was asked, what is missing."""

import hashlib
import platform
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from alignbench_tools import protocols
from alignbench_tools.reporting.comparisons import Comparisons
from alignbench_tools.reporting.data import Data, printed
from alignbench_tools.reporting.inputs import Entry

PACKAGES = ("alignbench", "datasets", "numpy", "scikit-learn", "matplotlib")
NAMES_SHOWN = 5


@dataclass(frozen=True)
class Provenance:
    """Lists of (name, value) to print; `notes` of the metric begin with whom they are about, and of `prompts`
    the text is None where this package does not know it."""

    signature: list[tuple[str, str]]
    versions: list[tuple[str, str]]
    data: list[tuple[str, str]]
    captioners: list[dict[str, Any]]
    irregular: list[str]
    detectors: list[dict[str, Any]]
    notes: list[tuple[str, str]]
    prompts: list[tuple[str, str | None]]


def collect(entries: Sequence[Entry], found: Comparisons, data: Data | None) -> Provenance:
    """Everything about `entries` and `data` that the page prints below the numbers."""
    return Provenance(
        signature=[
            (name, f"{value:,}" if isinstance(value, int) else str(value))
            for name, value in found.signature.items()
            if value is not None
        ],
        versions=_versions(),
        data=_data(data) if data else [],
        captioners=_captioners(data) if data else [],
        irregular=[str(finding).splitlines()[0].strip() for finding in data.report.irregular] if data else [],
        detectors=[_detector(entry) for entry in entries],
        notes=_notes(entries),
        prompts=_prompts(entries),
    )


def _versions() -> list[tuple[str, str]]:
    found = [("Python", platform.python_version())]
    for name in PACKAGES:
        try:
            found.append((name, version(name)))
        except PackageNotFoundError:
            continue
    return found


def _data(data: Data) -> list[tuple[str, str]]:
    labels = Counter(data.sentences.labels.tolist())
    return [
        ("source", data.read["source"]),
        ("sentences", f"{data.table.num_rows:,}"),
        ("labelled correct", f"{labels[1]:,}"),
        ("labelled incorrect", f"{labels[0]:,}"),
        ("labelled unknown, left out", f"{labels[2]:,}"),
        ("distinct images", f"{len(data.sentences.image.names) if data.sentences.image else 0:,}"),
    ]


def _captioners(data: Data) -> list[dict[str, Any]]:
    return [{"name": printed(name), "key": name, **data.read["captioners"][name]} for name in data.captioners]


def _detector(entry: Entry) -> dict[str, Any]:
    """A row of the table of detectors: name, file, digest of the file, what the header says, counts."""
    header = entry.header
    usage: Mapping[str, Any] = header.get("usage") or {}
    asked = [(key, header.get(key)) for key in ("model", "model_version", "context", "date")]
    asked += [("protocol", " ".join(filter(None, map(header.get, ("protocol", "protocol_digest")))))]
    asked += list((header.get("parameters") or {}).items())
    asked += list((header.get("versions") or {}).items())
    asked += list(usage.items())
    return {
        "name": entry.name,
        "file": entry.path.name,
        "digest": hashlib.sha256(entry.path.read_bytes()).hexdigest()[:16],
        "asked": [(name, str(value)) for name, value in asked if value not in (None, "", {})],
        "counts": _counts(entry),
    }


def _prompts(entries: Sequence[Entry]) -> list[tuple[str, str | None]]:
    """The prompts that detectors were asked by, each once, known by their digest."""
    known = {protocol.digest: protocol for protocol in map(protocols.load, protocols.NAMES)}
    asked = {entry.header["protocol_digest"]: entry.header for entry in entries if _was_asked(entry)}
    prompts: list[tuple[str, str | None]] = []
    for digest, header in asked.items():
        found = known.get(digest)
        title = f"{header.get('protocol') or 'a protocol'}, digest {digest}"
        prompts.append((title, found.template if found else None))
    return prompts


def _was_asked(entry: Entry) -> bool:
    """Whether a prompt was put; an ensemble has a digest, too, of its members."""
    return bool(entry.header.get("protocol_digest")) and entry.header.get("model") != "ensemble"


def _counts(entry: Entry) -> list[tuple[str, str]]:
    if entry.scores is None:
        counts = {key: entry.result.get(f"n_{key}") for key in ("unknown", "missing")}
    else:
        scored = entry.counts.get("ok", 0)
        others = {key: number for key, number in entry.counts.items() if key != "ok"}
        counts = {"scored": scored, **others, "not in the file": entry.absent}
        counts["missing of the labelled"] = entry.result.get("n_missing")
    return [(name, f"{number:,}") for name, number in counts.items() if number or name == "scored"]


def _notes(entries: Sequence[Entry]) -> list[tuple[str, str]]:
    """The metric's notes, each once, with whom it is about."""
    about: dict[str, list[str]] = {}
    for entry in entries:
        for note in entry.result.notes:
            about.setdefault(note, []).append(entry.name)
    return [(_who(names, len(entries)), note) for note, names in about.items()]


def _who(names: Sequence[str], total: int) -> str:
    if len(names) == total:
        return "all"
    return ", ".join(names) if len(names) <= NAMES_SHOWN else f"{len(names)} of {total} detectors"
