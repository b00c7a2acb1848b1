"""How figures look, and what a finished one is; the drawing itself is matplotlib's."""

import contextlib
import functools
import io
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas

from alignbench import write_atomically

# Colours that the colour-blind tell apart (Okabe and Ito, Color Universal Design, 2008), each with a line
# style and a marker of its own for print in grey.
BLACK, BLUE, ORANGE, GREEN, PURPLE = "#000000", "#0072B2", "#D55E00", "#009E73", "#CC79A7"
SERIES: tuple[dict[str, Any], ...] = (
    {"color": BLUE, "linestyle": "-", "marker": "o"},
    {"color": ORANGE, "linestyle": "--", "marker": "s"},
    {"color": GREEN, "linestyle": "-.", "marker": "^"},
    {"color": PURPLE, "linestyle": ":", "marker": "D"},
)
CORRECT: dict[str, Any] = {"color": BLUE, "linestyle": "-", "marker": "o"}
INCORRECT: dict[str, Any] = {"color": ORANGE, "linestyle": "--", "marker": "s"}
CHANCE: dict[str, Any] = {"color": "#767676", "linewidth": 0.8, "linestyle": (0, (1, 2)), "zorder": 0}
GRID: dict[str, Any] = {"linewidth": 0.4, "color": "#DDDDDD"}
# The figures with a panel or a line for each detector show so many, the best.
SHOWN = len(SERIES)
WIDTH = 7.0  # inches, a page's text width: sizes below are as printed
RULES: dict[str, Any] = {
    "font.family": "sans-serif",
    "font.size": 9,
    "axes.titlesize": 9,
    "axes.labelsize": 9,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "legend.fontsize": 8,
    "legend.frameon": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.7,
    "axes.axisbelow": True,
    "lines.linewidth": 1.4,
    "lines.markersize": 4,
    "hatch.linewidth": 0.6,
    # Names of detectors are names: "$x_1$" is no formula.
    "text.parse_math": False,
    "axes.unicode_minus": True,
    "svg.fonttype": "none",
    "svg.hashsalt": "alignbench",
    "pdf.fonttype": 42,
    "figure.dpi": 100,
}


@dataclass(frozen=True, eq=False)
class Figure:
    """A drawn figure: `name` is its files' stem, `sentence` what it shows, `alt` its text for the blind."""

    name: str
    title: str
    sentence: str
    alt: str
    canvas: Canvas

    @functools.cached_property
    def svg(self) -> str:
        """An `svg` element, its text as text; the same bytes for the same numbers."""
        drawn = self._as("svg", {"Date": None, "Creator": None}).decode()
        # Without the prolog, whose document type names a host.
        return drawn[drawn.index("<svg") :]

    def save(self, folder: Path) -> None:
        """Write ``name.svg`` and ``name.pdf`` into `folder`."""
        write_atomically(folder / f"{self.name}.svg", self.svg.encode())
        pdf = self._as("pdf", {"CreationDate": None, "Creator": None, "Producer": None, "Title": self.title})
        write_atomically(folder / f"{self.name}.pdf", pdf)

    def _as(self, form: str, metadata: dict[str, Any]) -> bytes:
        drawn = io.BytesIO()
        with rules(), warnings.catch_warnings():
            if form == "svg":
                # Its text is drawn by the reader's fonts, not by ours.
                warnings.filterwarnings("ignore", message="Glyph .* missing")
            self.canvas.savefig(drawn, format=form, metadata=metadata)
        return drawn.getvalue()


@contextlib.contextmanager
def rules() -> Iterator[None]:
    """Our look, whatever the user's matplotlib is set to."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(RULES)
        yield


def panels(number: int, columns: int, height: float, **options: Any) -> tuple[Canvas, list[Axes]]:
    """A canvas of page width with `number` panels, `columns` in a row, each row `height` inches high."""
    rows = -(-number // columns)
    canvas = Canvas(figsize=(WIDTH, rows * height), layout="constrained")
    grid = canvas.subplots(rows, columns, squeeze=False, **options)
    axes = list(grid.flat)
    for unused in axes[number:]:
        unused.remove()
    # A panel with nothing below it is its column's last.
    for panel in axes[max(number - columns, 0) : number]:
        panel.tick_params(labelbottom=True)
    return canvas, axes[:number]
