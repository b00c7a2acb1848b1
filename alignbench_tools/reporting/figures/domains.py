"""AUROC by the picture's domain."""

import numpy as np

from alignbench_tools.reporting.figures.labels import cut, distinct, legend
from alignbench_tools.reporting.figures.material import Material
from alignbench_tools.reporting.figures.style import CHANCE, GRID, SERIES, WIDTH, Figure, panels
from alignbench_tools.reporting.figures.wording import among, extremes, percent


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
    for place, (entry, look) in enumerate(zip(entries, SERIES, strict=False)):
        marks = [100 * values[name][place] for name in names]
        style = {"color": look["color"], "marker": look["marker"], "linestyle": "none"}
        panel.plot(marks, places, label=entry.name, **style)
    panel.set_yticks(places, distinct(names, lambda name: cut(name, 2)))
    panel.set_xlabel("AUROC, %")
    panel.grid(axis="y", **GRID)
    legend(canvas, panel.get_lines()[1:], [entry.name for entry in entries], WIDTH)
    sentence = (
        f"AUROC on the pictures of each domain, of {among(entries, material.entries)}: on average "
        f"{extremes(known)}."
    )
    told = ", ".join(f"{name} {percent(known[name])}" for name in names)
    return Figure("domains", "By domain", sentence, f"Dot plot. Average AUROC by domain: {told}.", canvas)
