"""The self-preference matrix: each AUROC over the detector's mean, own captioners framed."""

import numpy as np
from matplotlib.patches import Rectangle

from alignbench_tools.reporting.data import in_order, printed
from alignbench_tools.reporting.figures.material import Material
from alignbench_tools.reporting.figures.style import WIDTH, Canvas, Figure, short


def draw(material: Material) -> Figure | str:
    """The figure, or why there is none."""
    entries = [entry for entry in material.with_part("captioners", None) if entry.own]
    if not entries:
        return "no detector has captioners of its own; name them with --own DETECTOR=CAPTIONER"
    captioners = in_order(list(dict.fromkeys(name for e in entries for name in e.result["captioners"])))
    if len(captioners) < 2:
        return "there is one captioner only"
    values = np.array([_ratios(entry, captioners) for entry in entries])
    canvas = Canvas(figsize=(WIDTH, 1.1 + 0.34 * len(entries)), layout="constrained")
    panel = canvas.subplots()
    reach = max(0.05, float(np.nanmax(np.abs(values - 1)))) if np.isfinite(values).any() else 0.05
    image = panel.imshow(values, cmap="PuOr", vmin=1 - reach, vmax=1 + reach, aspect="auto")
    _write(panel, values, reach)
    own_values = []
    for row, entry in enumerate(entries):
        for name in entry.own:
            if name in captioners:
                column = captioners.index(name)
                own_values.append(values[row, column])
                panel.add_patch(Rectangle((column - 0.47, row - 0.45), 0.94, 0.9, fill=False, linewidth=1.8))
    panel.set_xticks(range(len(captioners)), [short(printed(name), 14) for name in captioners])
    panel.set_yticks(range(len(entries)), [short(entry.name) for entry in entries])
    panel.tick_params(length=0)
    panel.spines[:].set_visible(False)
    canvas.colorbar(image, ax=panel, label="AUROC / mean", shrink=0.9)
    known = [value for value in own_values if value == value]
    below = sum(value < 1 for value in known)
    sentence = (
        "Each detector's AUROC on a captioner over its mean AUROC; framed are captions of the same model: "
        f"{below} of {len(known)} framed cells are below 1, where a detector goes easy on its own captions."
    )
    told = [
        f"{entry.name} on its own {printed(name)} {values[row, captioners.index(name)]:.3f}"
        for row, entry in enumerate(entries)
        for name in entry.own
        if name in captioners
    ]
    return Figure("self_preference", "Self-preference", sentence, f"Matrix. {'; '.join(told)}.", canvas)


def _ratios(entry, captioners: list[str]) -> list[float]:
    cells = entry.result["captioners"]
    mean = entry.result["auroc"]
    return [cells[name]["auroc"] / mean if name in cells and mean else float("nan") for name in captioners]


def _write(panel, values: np.ndarray, reach: float) -> None:
    """The numbers in the cells, light on dark."""
    for (row, column), value in np.ndenumerate(values):
        text = "–" if value != value else f"{value:.2f}"
        dark = value == value and abs(value - 1) > 0.65 * reach
        panel.text(
            column, row, text, ha="center", va="center", fontsize=8, color="white" if dark else "black"
        )
