"""What pairs of detectors gain over the better of the two."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from alignbench_auroc.ensembles import Ensemble, ensembles
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from alignbench_tools.reporting.data import Data
from alignbench_tools.reporting.figures.labels import clean, cut, distinct
from alignbench_tools.reporting.figures.material import Material
from alignbench_tools.reporting.figures.style import BLUE, GRID, ORANGE, Figure, panels
from alignbench_tools.reporting.figures.wording import among, percent, signed
from alignbench_tools.reporting.inputs import Entry

SINGLE: dict[str, Any] = {
    "marker": "o",
    "markerfacecolor": "white",
    "markeredgecolor": "black",
    "linestyle": "none",
}
MORE: dict[str, Any] = {"marker": "o", "color": BLUE}
LESS: dict[str, Any] = {"marker": "s", "color": ORANGE}


def draw(material: Material) -> Figure | str:
    """The figure, or why there is none."""
    data, entries = material.data, material.scored
    if data is None or len(entries) < 2:
        return "it takes the scores of at least two detectors"
    scores = np.stack([entry.scores for entry in entries if entry.scores is not None])
    known = data.sentences.known & ~np.isnan(scores).any(axis=0)
    if not known.any():
        return "no labelled sentence has a score of every detector shown"
    found = _pairs(entries, data, known)
    if not found:
        return "no captioner has both correct and incorrect sentences"
    canvas, (panel,) = panels(1, 1, 1.1 + 0.3 * len(found))
    for place, pair in enumerate(found):
        _draw(panel, place, pair)
    names = distinct([entry.name for entry in entries], lambda name: cut(name, 1.7))
    shown = {entry.name: name for entry, name in zip(entries, names, strict=True)}
    panel.set_yticks(
        range(len(found)), [" + ".join(shown[name] for name in pair.detectors) for pair in found]
    )
    panel.set_xlabel("mean AUROC, %")
    panel.margins(x=0.12, y=0.12)
    panel.grid(axis="y", **GRID)
    keys = {
        "the better one alone": SINGLE,
        "the two together, better": MORE,
        "the two together, not better": LESS,
    }
    handles = [Line2D([], [], label=label, **look) for label, look in keys.items()]
    gained = sum(pair.mean_gain > 0 for pair in found)
    used = [True, gained > 0, gained < len(found)]
    handles = [handle for handle, use in zip(handles, used, strict=True) if use]
    canvas.legend(handles=handles, loc="outside lower center", ncols=3)
    best, rows = found[-1], int(known.sum())
    where = "" if rows == data.sentences.known.sum() else f" on the {rows:,} sentences that all have scored"
    sentence = (
        f"Mean AUROC of the average of two detectors' z-scores against that of the better one alone{where}, "
        f"of {among(entries, material.entries)}: {gained} of {len(found)} pairs gain, and the best is "
        f"{_both(best)} with {percent(best.mean)}."
    )
    told = "; ".join(
        f"{_both(pair)} {percent(pair.mean)} ({signed(100 * pair.mean_gain, 1)})" for pair in found
    )
    return Figure("ensembles", "Ensembles of two", sentence, f"Dumbbell plot. {told}.", canvas)


def _pairs(entries: Sequence[Entry], data: Data, known: np.ndarray) -> list[Ensemble]:
    """Every pair's ensemble on the sentences that are `known`, the best last."""
    scores = {entry.name: entry.scores[known] for entry in entries if entry.scores is not None}
    found = ensembles(scores, data.sentences.labels[known], data.captioner[known], method="zscore")
    return sorted((pair for pair in found if pair.mean == pair.mean), key=lambda pair: pair.mean)


def _draw(panel: Axes, place: int, pair: Ensemble) -> None:
    single, both = 100 * (pair.mean - pair.mean_gain), 100 * pair.mean
    look = MORE if pair.mean_gain > 0 else LESS
    panel.plot([single, both], [place, place], linewidth=2, zorder=1, color=look["color"])
    panel.plot(single, place, zorder=2, **SINGLE)
    panel.plot(both, place, zorder=3, **look)
    panel.annotate(
        signed(both - single, 1),
        (max(single, both), place),
        xytext=(7, 0),
        textcoords="offset points",
        va="center",
        fontsize=8,
    )


def _both(pair: Ensemble) -> str:
    return " + ".join(map(clean, pair.detectors))
