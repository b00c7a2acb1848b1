"""The self-preference matrix: each AUROC over the detector's mean, own captioners framed."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from alignbench_tools.reporting.data import in_order, printed
from alignbench_tools.reporting.figures.labels import clean, cut, distinct
from alignbench_tools.reporting.figures.material import Material
from alignbench_tools.reporting.figures.style import WIDTH, Canvas, Figure
from alignbench_tools.reporting.inputs import Entry

# More columns than that, and their names stand upright.
LEVEL = 9


def draw(material: Material) -> Figure | str:
    """The figure, or why there is none."""
    entries = [entry for entry in material.with_part("captioners", None) if entry.own]
    if not entries:
        return "no detector has captioners of its own; name them with --own DETECTOR=CAPTIONER"
    captioners = in_order(list(dict.fromkeys(name for e in entries for name in e.result["captioners"])))
    if len(captioners) < 2:
        return "there is one captioner only"
    values = np.array([_ratios(entry, captioners) for entry in entries])
    if np.isnan(values).all():
        return "no captioner has both correct and incorrect sentences"
    canvas = Canvas(figsize=(WIDTH, 1.1 + 0.34 * len(entries)), layout="constrained")
    panel = canvas.subplots()
    reach = max(0.05, float(np.nanmax(np.abs(values - 1))))
    image = panel.imshow(values, cmap="PuOr", vmin=1 - reach, vmax=1 + reach, aspect="auto")
    _write(panel, values, reach)
    framed = [
        (row, captioners.index(name))
        for row, entry in enumerate(entries)
        for name in dict.fromkeys(entry.own)
        if name in captioners
    ]
    for row, column in framed:
        panel.add_patch(Rectangle((column - 0.47, row - 0.45), 0.94, 0.9, fill=False, linewidth=1.8))
    _label(panel, [printed(name) for name in captioners], [entry.name for entry in entries])
    canvas.colorbar(image, ax=panel, label="AUROC / mean", shrink=0.9)
    known = [(row, column) for row, column in framed if values[row, column] == values[row, column]]
    below = sum(values[cell] < 1 for cell in known)
    sentence = (
        "Each detector's AUROC on a captioner over its mean AUROC; framed are captions of the same model: "
        f"{below} of {len(known)} framed cells are below 1, where the detector does worse than on average."
    )
    told = "; ".join(
        f"{clean(entries[row].name)} on its own {printed(captioners[column])} {values[row, column]:.3f}"
        for row, column in known
    )
    return Figure("self_preference", "Self-preference", sentence, f"Matrix. {told or 'No own'}.", canvas)


def _ratios(entry: Entry, captioners: Sequence[str]) -> list[float]:
    cells = entry.result["captioners"]
    mean = entry.result["auroc"]
    return [cells[name]["auroc"] / mean if name in cells and mean else float("nan") for name in captioners]


def _label(panel: Axes, columns: Sequence[str], rows: Sequence[str]) -> None:
    """The names beside and below the cells."""
    upright = len(columns) > LEVEL
    room = 1.2 if upright else 4 / len(columns)
    names = distinct(columns, lambda name: cut(name, room))
    panel.set_xticks(range(len(columns)), names, rotation=90 if upright else 0)
    panel.set_yticks(range(len(rows)), distinct(rows, lambda name: cut(name, 2)))
    panel.tick_params(length=0)
    panel.spines[:].set_visible(False)


def _write(panel: Axes, values: np.ndarray, reach: float) -> None:
    """The numbers in the cells, light on dark."""
    for (row, column), value in np.ndenumerate(values):
        text = "–" if value != value else f"{value:.2f}"
        dark = value == value and abs(value - 1) > 0.65 * reach
        color = "white" if dark else "black"
        panel.text(column, row, text, ha="center", va="center", fontsize=8, color=color)
