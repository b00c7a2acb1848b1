"""AUROC against the numbers of a second benchmark."""

import numpy as np
from scipy.stats import pearsonr

from alignbench_tools.reporting.figures.material import Material
from alignbench_tools.reporting.figures.style import BLUE, Figure, panels, short

# With fewer, a correlation is always 1 or says nothing.
LEAST = 3


def draw(material: Material) -> Figure | str | None:
    """The figure, or why there is none; None if no second benchmark was given."""
    if material.second is None:
        return None
    numbers = material.second.numbers
    pairs = [
        (entry.name, numbers[key], 100 * entry.result["auroc"])
        for entry in material.entries
        for key in [entry.name if entry.name in numbers else entry.header["detector"]]
        if key in numbers and entry.result["auroc"] == entry.result["auroc"]
    ]
    if len(pairs) < LEAST:
        return f"{len(pairs)} of the detectors have a number in {material.second.name}, and it takes {LEAST}"
    _, x, y = zip(*pairs, strict=True)
    varied = np.ptp(x) > 0 and np.ptp(y) > 0
    r = float(pearsonr(x, y).statistic) if varied else float("nan")
    canvas, (panel,) = panels(1, 1, 3.4)
    panel.plot(x, y, "o", color=BLUE)
    for number, (name, across, up) in enumerate(sorted(pairs, key=lambda pair: pair[1:])):
        # Neighbours take turns, lest their names stand on each other.
        look = {"ha": "left", "xytext": (5, -4)} if number % 2 == 0 else {"ha": "right", "xytext": (-5, -2)}
        panel.annotate(short(name, 18), (across, up), textcoords="offset points", fontsize=8, **look)
    panel.set(xlabel=short(material.second.name, 40), ylabel="AlignBench, mean AUROC, %")
    panel.margins(x=0.2, y=0.1)
    shown = (
        f"r = {r:.2f}".replace("-", "−")
        if varied
        else "a correlation is not defined, as one of them is constant"
    )
    sentence = (
        f"Mean AUROC here against {material.second.name}, for the {len(pairs)} detectors that have both: "
        f"{'Pearson ' if varied else ''}{shown}."
    )
    told = "; ".join(f"{name} {across:g} and {up:.1f}" for name, across, up in pairs)
    return Figure(
        "second_benchmark",
        f"Against {material.second.name}",
        sentence,
        f"Scatter plot, {shown}. {told}.",
        canvas,
    )
