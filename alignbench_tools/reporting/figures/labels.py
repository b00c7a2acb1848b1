"""Names as labels: shortened to the room that they have, told apart all the same, safe in XML."""

import re
import unicodedata
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from matplotlib.figure import Figure as Canvas
from matplotlib.font_manager import findfont, get_font

FONT = "DejaVu Sans"  # comes with matplotlib, and is wider than what browsers put in its place
UNSAFE = {"\ufffe", "\uffff"}
# Inches of a key's line, the gaps beside it and the gap between columns.
BESIDE = 0.8


def clean(name: str) -> str:
    """`name` on one line, without what XML cannot hold."""
    return "".join(
        "\ufffd" if unicodedata.category(each) in ("Cc", "Cs") or each in UNSAFE else each
        for each in " ".join(name.split())
    )


def width(text: str, size: float) -> float:
    """Width in inches of a line of text, `size` in points."""
    return sum(map(_advance, text)) * size / 72


@cache
def _advance(character: str) -> float:
    """Width of a character in ems; a script that the font lacks is as wide as Chinese."""
    if unicodedata.combining(character):
        return 0.0
    font = get_font(findfont(FONT))
    if not font.get_char_index(ord(character)):
        return 1.0
    font.set_size(100, 72)
    return float(font.load_char(ord(character)).linearHoriAdvance) / 65536 / 100


def cut(name: str, inches: float, size: float = 8) -> str:
    """`name`, with the middle left out if it is wider than `inches`."""
    name = clean(name)
    if width(name, size) <= inches:
        return name
    narrowest = 0.2 * size / 72
    for kept in range(min(len(name) - 1, int(inches / narrowest)), 0, -1):
        tail = kept // 3
        shown = f"{name[: kept - tail].rstrip()}…{name[len(name) - tail :].lstrip()}"
        if width(shown, size) <= inches:
            return shown
    return "…"


def wrapped(name: str, inches: float, size: float = 9, lines: int = 2) -> str:
    """`name` on as many `lines`, broken after signs and spaces; what does not fit is cut."""
    rows = [""]
    for part in re.split(r"(?<=[\s\-/_:])|(?=\()", clean(name)):
        if rows[-1] and len(rows) < lines and width(rows[-1] + part, size) > inches:
            rows.append("")
        rows[-1] += part
    return "\n".join(cut(row, inches, size) for row in rows)


def distinct(names: Sequence[str], shorten: Callable[[str], str]) -> list[str]:
    """All names shortened; those that would look the same get their place before them."""
    shown = [shorten(name) for name in names]
    return [
        shorten(f"{place}. {name}") if shown.count(short) > 1 else short
        for place, (name, short) in enumerate(zip(names, shown, strict=True), 1)
    ]


def legend(
    canvas: Canvas, handles: Sequence[Any], names: Sequence[str], inches: float, side: str = "lower"
) -> None:
    """A key below (or "upper": above) the panels, in as many columns as the names allow on `inches`."""
    longest = max(width(clean(name), 8) for name in names)
    columns = next((columns for columns in (4, 3, 2) if longest <= inches / columns - BESIDE), 1)
    labels = distinct(names, lambda name: cut(name, inches / columns - BESIDE))
    key(canvas, handles, labels, f"outside {side} center", min(columns, len(names)))


def key(canvas: Canvas, handles: Sequence[Any], labels: Sequence[str], place: str, columns: int = 1) -> None:
    """A key with exactly these labels; matplotlib would leave out those that begin with "_"."""
    box = canvas.legend(handles, ["-"] * len(labels), loc=place, ncols=columns)
    for text, label in zip(box.get_texts(), labels, strict=True):
        text.set_text(label)
