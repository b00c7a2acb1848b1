"""Parts of one run, scored in several processes or on several machines, put together again."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from alignbench_tools.scores import Score, Scores, check_same


def merge(parts: Sequence[Scores]) -> tuple[Scores, list[str]]:
    """One `Scores` from `parts`, the same in whichever order they come, and what was resolved, in sentences.

    Where several parts have a sentence, a row that is "ok" goes before one that is not, then the one of the
    later run (the header's date), then the first in the order of its JSON text. Rows are sorted by captioner,
    image and position. The usage adds up.

    Raises ValueError without parts, or if they are not of one detector, asked in one way, on the same data.
    """
    if not parts:
        raise ValueError("expected at least one scores file to merge, got none")
    parts = _distinct(parts)
    for part in parts[1:]:
        check_same(parts[0].header, part.header, f"{parts[0].name} and {part.name}")
    chosen: dict[str, tuple[tuple, Score]] = {}
    repeated: set[str] = set()
    contradictory: set[str] = set()
    for part in parts:
        date = str(part.header.get("date") or "")
        for row in part.rows():
            rank = (row.status == "ok", date, _text(row))
            if row.id not in chosen:
                chosen[row.id] = rank, row
                continue
            known = chosen[row.id]
            repeated.add(row.id)
            if known[1].status == row.status == "ok" and known[1].score != row.score:
                contradictory.add(row.id)
            chosen[row.id] = max(known, (rank, row), key=lambda pair: pair[0])
    rows = sorted((row for _, row in chosen.values()), key=lambda row: natural(row.id))
    return Scores.from_rows(_header(parts), rows, "merged"), _notes(repeated, contradictory)


def natural(name: str) -> tuple[str, tuple[int, str], str, int]:
    """Sorts ids as people do: captioner, image (numbers by value), position."""
    captioner, _, rest = name.partition("/")
    image, _, position = rest.rpartition("/")
    number = int(image) if image.isdecimal() else -1
    return captioner, (number, image), "" if position.isdecimal() else position, _whole(position)


def _whole(text: str) -> int:
    return int(text) if text.isdecimal() else -1


def _text(row: Score) -> str:
    return json.dumps(row, ensure_ascii=False)


def _distinct(parts: Sequence[Scores]) -> list[Scores]:
    """`parts` in an order of their own, a part that is given twice once."""
    keyed = {
        json.dumps([part.header, [row.id for row in part.rows()]], sort_keys=True, ensure_ascii=False): part
        for part in sorted(parts, key=lambda part: part.name)
    }
    return [keyed[key] for key in sorted(keyed)]


def _header(parts: Sequence[Scores]) -> dict[str, Any]:
    latest = max(
        parts, key=lambda part: (str(part.header.get("date") or ""), json.dumps(part.header, sort_keys=True))
    )
    header = dict(latest.header)
    versions = sorted(
        {str(part.header["model_version"]) for part in parts if part.header.get("model_version")}
    )
    if versions:
        header["model_version"] = ", ".join(versions)
    data = [part.header.get("data") or {} for part in parts]
    captioners = {name: value for each in data for name, value in (each.get("captioners") or {}).items()}
    if captioners:
        sources = sorted({str(each["source"]) for each in data if each.get("source")})
        header["data"] = {"source": ", ".join(sources), "captioners": dict(sorted(captioners.items()))}
    usage = [part.header["usage"] for part in parts if part.header.get("usage")]
    if usage:
        header["usage"] = _added(usage)
    return header


def _added(usage: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    names = list(dict.fromkeys(name for each in usage for name in sorted(each)))
    return {
        name: sum(each[name] for each in usage if each.get(name) is not None)
        for name in names
        if all(isinstance(each.get(name, 0), (int, float, type(None))) for each in usage)
    }


def _notes(repeated: set[str], contradictory: set[str]) -> list[str]:
    notes = []
    if repeated:
        notes.append(
            f"{len(repeated):,} sentences stand in several parts: ok goes before not ok, then the later run"
        )
    if contradictory:
        example = min(contradictory, key=natural)
        notes.append(
            f"{len(contradictory):,} with different scores, such as {example!r}: the later run's stay"
        )
    return notes
