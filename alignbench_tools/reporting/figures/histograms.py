"""How the scores of correct and of incorrect sentences are spread."""

import numpy as np

from alignbench_tools.reporting.figures.material import Material, among
from alignbench_tools.reporting.figures.style import BLUE, ORANGE, Figure, panels, short

BINS = 30


def draw(material: Material) -> Figure | str:
    """The figure, or why there is none."""
    entries = material.scored
    if not entries or material.data is None:
        return "saved results do not hold the scores of single sentences"
    canvas, axes = panels(len(entries), min(2, len(entries)), 1.8)
    told = []
    for entry, panel in zip(entries, axes, strict=True):
        scores, labels = material.of_captioner(entry)
        edges = np.histogram_bin_edges(scores, BINS) if len(scores) else np.linspace(0, 1, BINS + 1)
        middles = []
        for label, name, look in (
            (1, "correct", {"color": BLUE, "alpha": 0.45}),
            (0, "incorrect", {"edgecolor": ORANGE, "facecolor": "none", "hatch": "////"}),
        ):
            part = scores[labels == label]
            share = np.histogram(part, edges)[0] / max(len(part), 1)
            panel.stairs(100 * share, edges, fill=True, label=name, **look)
            middles.append(f"{name} {np.median(part):.3g}" if len(part) else f"no {name} sentence")
        panel.set(
            title=short(entry.name), ylabel="% of sentences" if panel in axes[::2] else "", xlabel="score"
        )
        told.append(f"{entry.name}: median {', '.join(middles)}.")
    handles, labels_of = axes[0].get_legend_handles_labels()
    canvas.legend(handles, labels_of, loc="outside lower center", ncols=2)
    sentence = (
        f"How many of the correct and of the incorrect sentences get which score from "
        f"{among(entries, material.entries)}: the less the two overlap, the better it tells "
        "them apart."
    )
    return Figure("histograms", "Scores", sentence, "Histograms. " + " ".join(told), canvas)
