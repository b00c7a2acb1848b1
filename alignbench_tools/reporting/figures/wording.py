"""Words for the numbers that a figure shows."""

from collections.abc import Mapping, Sequence
from typing import Any


def among(entries: Sequence[Any], total: Sequence[Any]) -> str:
    """Which of the `total` detectors, best first, a figure shows."""
    shown, all_of_them = len(entries), len(total)
    if shown == all_of_them:
        return "the detector" if shown == 1 else f"all {shown} detectors"
    if list(entries) == list(total[:shown]):
        return f"the best {shown} of {all_of_them} detectors" if shown > 1 else f"the best of {all_of_them}"
    return f"{shown} of {all_of_them} detectors, the best of those that have the data for it"


def extremes(values: Mapping[str, float]) -> str:
    """Where AUROC is lowest and where it is highest, as the end of a sentence."""
    low, high = min(values, key=values.__getitem__), max(values, key=values.__getitem__)
    if values[low] == values[high]:
        only = f"{low} alone has one" if len(values) == 1 else "all have the same"
        return f"{only} ({percent(values[low])})"
    return f"{low} is the hardest ({percent(values[low])}) and {high} the easiest ({percent(values[high])})"


def percent(value: float) -> str:
    """An AUROC as the paper prints it."""
    return "undefined" if value != value else f"{100 * value:.1f}"


def signed(value: float, digits: int) -> str:
    """A number with its sign, a minus and no hyphen; nought has both."""
    text = f"{value:+.{digits}f}"
    return f"±{text[1:]}" if float(text) == 0 else text.replace("-", "−")


def number(value: float, form: str = ".3g") -> str:
    """A number with a minus where it is below zero."""
    return format(value, form).replace("-", "−")
