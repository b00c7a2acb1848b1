"""AUROC by the picture's domain."""

import numpy as np

from alignbench_tools.reporting.figures.material import Material, among
from alignbench_tools.reporting.figures.style import CHANCE, SERIES, Figure, panels, percent, short


def draw(material: Material) -> Figure | str:
    """The figure, or why there is none."""
    entries = material.with_part("domain")
    if not entries:
        return "the domains of the pictures are not known"
    values = {
        name: [entry.result["domain"]["mean"].get(name, {}).get("auroc", float("nan")) for entry in entries]
        for name in dict.fromkeys(name for entry in entries for name in entry.result["domain"]["mean"])
    }
    known = {name: float(np.nanmean(cells)) for name, cells in values.items() if np.isfinite(cells).any()}
    if not known:
        return "no domain has both correct and incorrect sentences"
    names = sorted(known, key=known.__getitem__)
    canvas, (panel,) = panels(1, 1, 1.1 + 0.22 * len(names))
    places = np.arange(len(names))
    panel.axvline(50, **CHANCE)
    for number, (entry, look) in enumerate(zip(entries, SERIES, strict=False)):
        marks = [100 * values[name][number] for name in names]
        panel.plot(
            marks,
            places,
            color=look["color"],
            marker=look["marker"],
            linestyle="none",
            label=short(entry.name),
        )
    panel.set_yticks(places, [short(name, 24) for name in names])
    panel.set_xlabel("AUROC, %")
    panel.grid(axis="y", linewidth=0.4, color="#DDDDDD")
    canvas.legend(loc="outside lower center", ncols=2)
    sentence = (
        f"AUROC on the pictures of each domain, of {among(entries, material.entries)}: on average {names[0]} "
        f"is the hardest ({percent(known[names[0]])}), and {names[-1]} the easiest "
        f"({percent(known[names[-1]])})."
    )
    told = ", ".join(f"{name} {percent(known[name])}" for name in names)
    return Figure("domains", "By domain", sentence, f"Dot plot. Average AUROC by domain: {told}.", canvas)
