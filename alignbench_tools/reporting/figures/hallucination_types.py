"""AUROC and mean score by hallucination type."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from alignbench_tools.reporting.figures.labels import distinct, legend, wrapped
from alignbench_tools.reporting.figures.material import Material
from alignbench_tools.reporting.figures.style import CHANCE, GRID, SERIES, WIDTH, Figure, panels
from alignbench_tools.reporting.figures.wording import among, extremes, percent
from alignbench_tools.reporting.inputs import Entry


def draw(material: Material) -> Figure | str:
    """The figure, or why there is none."""
    entries = material.with_part("types")
    if not entries:
        return "the types of the hallucinations are not known"
    found = dict.fromkeys(kind for entry in entries for kind in entry.result["types"]["mean"])
    kinds = [kind for kind in found if _known(entries, kind)]
    if not kinds:
        return "no incorrect sentence has a type whose captioner has correct sentences too"
    average = {kind: float(np.nanmean([_cell(entry, kind, "auroc") for entry in entries])) for kind in kinds}
    kinds.sort(key=average.__getitem__)
    canvas, axes = panels(1 + len(entries), 1 + len(entries), 1.1 + 0.25 * len(kinds), sharey=True)
    names = [entry.name for entry in entries]
    titles = distinct(names, lambda name: wrapped(name, (WIDTH - 0.8) / len(axes) - 0.15, 8, 3))
    places = np.arange(len(kinds))
    offsets = np.linspace(0.24, -0.24, len(entries)) if len(entries) > 1 else [0.0]
    axes[0].axvline(50, **CHANCE)
    for entry, look, offset, panel, title in zip(entries, SERIES, offsets, axes[1:], titles, strict=False):
        style = {"color": look["color"], "marker": look["marker"], "linestyle": "none"}
        aurocs = [100 * _cell(entry, kind, "auroc") for kind in kinds]
        axes[0].plot(aurocs, places + offset, label=entry.name, **style)
        panel.plot([_cell(entry, kind, "score_incorrect") for kind in kinds], places, **style)
        panel.set_title(title, fontsize=8)
        _set(panel, "mean score")
    _set(axes[0], "AUROC, %")
    axes[0].set_yticks(places, kinds)
    legend(canvas, axes[0].get_lines()[1:], names, WIDTH)
    sentence = (
        f"How well incorrect sentences of a type are told from correct ones (left) and how high they score "
        f"(right), of {among(entries, material.entries)}: by AUROC, {extremes(average)}."
    )
    told = ", ".join(f"{kind} {percent(average[kind])}" for kind in kinds)
    return Figure(
        "types", "By hallucination type", sentence, f"Dot plot. Average AUROC by type: {told}.", canvas
    )


def _set(panel: Axes, label: str) -> None:
    panel.set_xlabel(label)
    panel.grid(axis="y", **GRID)
    panel.margins(x=0.18)
    panel.xaxis.set_major_locator(MaxNLocator(3))


def _cell(entry: Entry, kind: str, field: str) -> float:
    return float(entry.result["types"]["mean"].get(kind, {}).get(field, float("nan")))


def _known(entries: list[Entry], kind: str) -> bool:
    return any(_cell(entry, kind, "auroc") == _cell(entry, kind, "auroc") for entry in entries)
