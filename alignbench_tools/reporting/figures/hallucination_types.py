"""AUROC and mean score by hallucination type."""

import numpy as np

from alignbench_tools.reporting.figures.material import Material, among
from alignbench_tools.reporting.figures.style import CHANCE, SERIES, Figure, panels, percent, short


def draw(material: Material) -> Figure | str:
    """The figure, or why there is none."""
    entries = material.with_part("types")
    if not entries:
        return "the types of the hallucinations are not known"
    kinds = [kind for kind in entries[0].result["types"]["mean"] if _known(entries, kind)]
    if not kinds:
        return "no incorrect sentence has a type"
    average = {kind: float(np.nanmean([_cell(entry, kind, "auroc") for entry in entries])) for kind in kinds}
    kinds.sort(key=average.__getitem__)
    canvas, axes = panels(1 + len(entries), 1 + len(entries), 0.75 + 0.25 * len(kinds), sharey=True)
    places = np.arange(len(kinds))
    offsets = np.linspace(0.24, -0.24, len(entries)) if len(entries) > 1 else [0.0]
    axes[0].axvline(50, **CHANCE)
    for entry, look, offset, panel in zip(entries, SERIES, offsets, axes[1:], strict=False):
        style = {"color": look["color"], "marker": look["marker"], "linestyle": "none"}
        axes[0].plot(
            [100 * _cell(entry, kind, "auroc") for kind in kinds],
            places + offset,
            label=short(entry.name),
            **style,
        )
        panel.plot([_cell(entry, kind, "score_incorrect") for kind in kinds], places, **style)
        panel.set(title=short(entry.name, 16), xlabel="mean score")
        panel.grid(axis="y", linewidth=0.4, color="#DDDDDD")
        panel.margins(x=0.18)
    axes[0].set(title="AUROC", xlabel="%")
    axes[0].set_yticks(places, kinds)
    axes[0].grid(axis="y", linewidth=0.4, color="#DDDDDD")
    handles, labels = axes[0].get_legend_handles_labels()
    canvas.legend(handles, labels, loc="outside lower center", ncols=2)
    sentence = (
        f"How well incorrect sentences of a type are told from correct ones (left) and how high they score "
        f"(right), of {among(entries, material.entries)}: {kinds[0]} is the hardest type on average, "
        f"{kinds[-1]} the easiest."
    )
    told = ", ".join(f"{kind} {percent(average[kind])}" for kind in kinds)
    return Figure(
        "types", "By hallucination type", sentence, f"Dot plot. Average AUROC by type: {told}.", canvas
    )


def _cell(entry, kind: str, field: str) -> float:
    return entry.result["types"]["mean"].get(kind, {}).get(field, float("nan"))


def _known(entries, kind: str) -> bool:
    return any(_cell(entry, kind, "auroc") == _cell(entry, kind, "auroc") for entry in entries)
