"""ROC curves, a panel for each captioner."""

from collections.abc import Sequence

import numpy as np
from alignbench_auroc import roc_points
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from alignbench_tools.reporting.data import printed
from alignbench_tools.reporting.figures.labels import clean, legend, wrapped
from alignbench_tools.reporting.figures.material import Material
from alignbench_tools.reporting.figures.style import CHANCE, SERIES, WIDTH, Figure, panels
from alignbench_tools.reporting.figures.wording import among, extremes, percent
from alignbench_tools.reporting.inputs import Entry

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
                panel.plot(x, y, color=look["color"], linestyle=look["linestyle"], label=clean(entry.name))
        _set(panel, wrapped(printed(captioner), WIDTH / 4 - 0.3))
    canvas.supxlabel("false-positive rate: incorrect sentences above the threshold", fontsize=9)
    canvas.supylabel("true-positive rate: correct ones", fontsize=9)
    handles = [Line2D([], [], color=look["color"], linestyle=look["linestyle"]) for look in SERIES]
    legend(canvas, handles[: len(entries)], [entry.name for entry in entries], WIDTH, "upper")
    sentence = (
        f"The share of correct sentences that score above a threshold against the share of incorrect ones "
        f"that do, of {among(entries, material.entries)}; the area under a curve is the AUROC, by which "
        f"{extremes(_averages(entries, captioners))}, and the dotted diagonal is chance."
    )
    values = [f"{clean(entry.name)} {percent(entry.result['auroc'])}" for entry in entries]
    alt = f"ROC curves for {len(captioners)} captioners. Mean AUROC: {', '.join(values)}."
    return Figure("roc", "ROC per captioner", sentence, alt, canvas)


def _set(panel: Axes, title: str) -> None:
    ticks = (0, 0.5, 1)
    panel.set(title=title, xlim=(0, 1), ylim=(0, 1.01), aspect="equal", xticks=ticks, yticks=ticks)


def _averages(entries: Sequence[Entry], captioners: Sequence[str]) -> dict[str, float]:
    """Each captioner's AUROC by printed name, averaged over the entries that have one."""
    return {
        printed(name): float(
            np.nanmean([entry.result["captioners"].get(name, {}).get("auroc", np.nan) for entry in entries])
        )
        for name in captioners
    }


def _curve(scores: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """False- and true-positive rates, thinned to what the eye can tell; None with one class only."""
    if len(np.unique(labels)) < 2:
        return None
    # As the metric has it: below every other if the sentence is correct, above if it is not.
    worst = np.where(labels == 1, -np.inf, np.inf)
    x, y, _ = roc_points(np.where(np.isnan(scores), worst, scores), labels)
    cells = np.stack((np.floor(x / STEP), np.floor(y / STEP)))
    kept = np.ones(len(x), dtype=bool)
    kept[1:-1] = (cells[:, 1:-1] != cells[:, :-2]).any(axis=0)
    return x[kept], y[kept]
