"""Numbers of a second benchmark, to set the AUROCs against."""

import csv
import json
import math
from pathlib import Path
from typing import NamedTuple


class Against(NamedTuple):
    """A benchmark's name (its file's) and its number for each detector, higher being better."""

    name: str
    numbers: dict[str, float]


def read(path: Path) -> Against:
    """The numbers in `path`: JSON ``{"detector": number}``, or CSV lines ``detector,number`` with or without
    a head. Raises ValueError that names the line or key of what is no number."""
    text = path.read_text(encoding="utf-8-sig")
    pairs = _of_json(text, path) if path.suffix == ".json" else _of_csv(text, path)
    numbers: dict[str, float] = {}
    for where, detector, value in pairs:
        number = _number(value)
        if number is None:
            raise ValueError(f"{path}, {where}: expected a number for {detector!r}, got {value!r}")
        if detector in numbers:
            raise ValueError(f"{path}, {where}: {detector!r} stands there twice; leave one")
        numbers[detector] = number
    if not numbers:
        raise ValueError(f"{path}: expected a number for each detector, got none")
    return Against(path.stem, numbers)


def _of_json(text: str, path: Path) -> list[tuple[str, str, object]]:
    try:
        found = json.loads(text)
    except ValueError as error:
        raise ValueError(f"{path}: expected JSON {{detector: number}}, got none ({error})") from None
    if not isinstance(found, dict):
        raise ValueError(f"{path}: expected JSON {{detector: number}}, got a {type(found).__name__}")
    return [(f"key {detector!r}", detector, value) for detector, value in found.items()]


def _of_csv(text: str, path: Path) -> list[tuple[str, str, object]]:
    reader = csv.reader(text.splitlines())
    lines = [(reader.line_num, line) for line in reader if any(cell.strip() for cell in line)]
    for number, line in lines:
        if len(line) != 2:
            raise ValueError(f"{path}, line {number}: expected detector,number, got {','.join(line)!r}")
    if lines and _number(lines[0][1][1]) is None:
        lines = lines[1:]
    return [(f"line {number}", line[0].strip(), line[1].strip()) for number, line in lines]


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        number = float(value)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
