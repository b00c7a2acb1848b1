"""AUROC against the numbers of a second benchmark."""

import numpy as np
from scipy.stats import pearsonr

from alignbench_tools.reporting.figures.beside import annotate
from alignbench_tools.reporting.figures.labels import clean, cut, distinct
from alignbench_tools.reporting.figures.material import Material
from alignbench_tools.reporting.figures.style import BLUE, Figure, panels
from alignbench_tools.reporting.figures.wording import number

# With fewer, a correlation is always 1 or says nothing.
LEAST = 3
# Inches: as tall as the names of so many detectors need.
LOW, HIGH, MANY = 3.4, 4.8, 10


def draw(material: Material) -> Figure | str | None:
    """The figure, or why there is none; None if no second benchmark was given."""
    if material.second is None:
        return None
    name, numbers = clean(material.second.name), material.second.numbers
    pairs = [
        (entry.name, numbers[key], 100 * entry.result["auroc"])
        for entry in material.entries
        for key in [entry.name if entry.name in numbers else entry.header["detector"]]
        if key in numbers and entry.result["auroc"] == entry.result["auroc"]
    ]
    if len(pairs) < LEAST:
        return f"{len(pairs)} of the detectors have a number in {name}, and it takes {LEAST}"
    detectors, x, y = zip(*pairs, strict=True)
    canvas, (panel,) = panels(1, 1, LOW if len(pairs) < MANY else HIGH)
    panel.plot(x, y, "o", color=BLUE)
    panel.set(xlabel=cut(name, 5, 9), ylabel="AlignBench, mean AUROC, %")
    panel.margins(x=0.12, y=0.1)
    shown = _correlation(x, y)
    panel.set_title(f"{shown}, n = {len(pairs)}", loc="left")
    names = distinct(detectors, lambda detector: cut(detector, 1.6))
    annotate(canvas, panel, list(zip(x, y, strict=True)), names)
    sentence = (
        f"Mean AUROC here against {name}, for the {len(pairs)} of {len(material.entries)} detectors that "
        f"have both: {shown}."
    )
    told = "; ".join(
        f"{clean(detector)} {number(across, 'g')} and {up:.1f}" for detector, across, up in pairs
    )
    alt = f"Scatter plot, {shown}. {told}."
    return Figure("second_benchmark", f"Against {name}", sentence, alt, canvas)


def _correlation(x: tuple[float, ...], y: tuple[float, ...]) -> str:
    if not (np.ptp(x) > 0 and np.ptp(y) > 0):
        return "a correlation is not defined, as one of them is constant"
    return f"Pearson r = {number(float(pearsonr(x, y).statistic), '.2f')}"
