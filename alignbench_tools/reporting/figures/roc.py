"""ROC curves, a panel for each captioner."""

import numpy as np
from alignbench_auroc import roc_points

from alignbench_tools.reporting.data import printed
from alignbench_tools.reporting.figures.material import Material, among
from alignbench_tools.reporting.figures.style import CHANCE, SERIES, Figure, panels, percent, short

# Corners of a curve closer together than a line is wide.
STEP = 1 / 250


def draw(material: Material) -> Figure | str:
    """The figure, or why there is none."""
    entries, data = material.scored, material.data
    if not entries or data is None:
        return "saved results do not hold the scores of single sentences"
    curves = {
        (captioner, entry.name): curve
        for captioner in data.captioners
        for entry in entries
        if (curve := _curve(*material.of_captioner(entry, captioner))) is not None
    }
    captioners = [name for name in data.captioners if any(key[0] == name for key in curves)]
    if not captioners:
        return "no captioner has both correct and incorrect sentences"
    canvas, axes = panels(len(captioners), min(4, len(captioners)), 1.95, sharex=True, sharey=True)
    for captioner, panel in zip(captioners, axes, strict=True):
        panel.plot([0, 1], [0, 1], **CHANCE)
        for entry, look in zip(entries, SERIES, strict=False):
            if (captioner, entry.name) in curves:
                x, y = curves[captioner, entry.name]
                panel.plot(x, y, color=look["color"], linestyle=look["linestyle"], label=short(entry.name))
        panel.set(
            title=printed(captioner),
            xlim=(0, 1),
            ylim=(0, 1.01),
            aspect="equal",
            xticks=(0, 0.5, 1),
            yticks=(0, 0.5, 1),
        )
    handles, labels = axes[0].get_legend_handles_labels()
    canvas.legend(handles, labels, loc="outside upper center", ncols=4)
    canvas.supxlabel("incorrect sentences kept", fontsize=9)
    canvas.supylabel("correct sentences kept", fontsize=9)
    values = [f"{short(entry.name)} {percent(entry.result['auroc'])}" for entry in entries]
    sentence = (
        f"The share of correct sentences that score above a threshold against the share of incorrect ones "
        f"that do, of {among(entries, material.entries)}; the area under a curve is the AUROC, and the "
        "dotted diagonal is chance."
    )
    alt = f"ROC curves for {len(captioners)} captioners. Mean AUROC: {', '.join(values)}."
    return Figure("roc", "ROC per captioner", sentence, alt, canvas)


def _curve(scores: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """False- and true-positive rates, thinned to what the eye can tell; None with one class only."""
    if len(np.unique(labels)) < 2:
        return None
    x, y, _ = roc_points(scores, labels)
    cells = np.stack((np.floor(x / STEP), np.floor(y / STEP)))
    kept = np.ones(len(x), dtype=bool)
    kept[1:-1] = (cells[:, 1:-1] != cells[:, :-2]).any(axis=0)
    return x[kept], y[kept]
