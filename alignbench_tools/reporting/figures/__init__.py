"""Every figure of the report, in the paper's order; one module draws one figure."""

from typing import NamedTuple

from alignbench_tools.reporting.figures import (
    calibration,
    domains,
    ensembles,
    hallucination_types,
    histograms,
    position,
    roc,
    second_benchmark,
    self_preference,
)
from alignbench_tools.reporting.figures.material import Material
from alignbench_tools.reporting.figures.style import Figure, rules

DRAWN = {
    "ROC per captioner": roc.draw,
    "Score by sentence position": position.draw,
    "Self-preference": self_preference.draw,
    "By hallucination type": hallucination_types.draw,
    "By domain": domains.draw,
    "Scores": histograms.draw,
    "Calibration": calibration.draw,
    "Ensembles of two": ensembles.draw,
    "Against a second benchmark": second_benchmark.draw,
}


class Figures(NamedTuple):
    """The figures, and for those that could not be drawn their title and the reason."""

    drawn: list[Figure]
    left_out: list[tuple[str, str]]


def all_figures(material: Material) -> Figures:
    """Every figure that `material` allows."""
    figures = Figures([], [])
    with rules():
        for title, draw in DRAWN.items():
            found = draw(material)
            if isinstance(found, Figure):
                figures.drawn.append(found)
            elif found:
                figures.left_out.append((title, found))
    return figures
