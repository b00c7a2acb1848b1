"""How the scores of correct and of incorrect sentences are spread."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes

from alignbench_tools.reporting.figures.labels import clean, cut, distinct
from alignbench_tools.reporting.figures.material import Material
from alignbench_tools.reporting.figures.style import BLUE, ORANGE, WIDTH, Figure, panels
from alignbench_tools.reporting.figures.wording import among, number

BINS = 30
# The most steps that scores are looked through for.
STEPS = 2000
LOOKS: tuple[tuple[int, str, dict[str, Any]], ...] = (
    (1, "correct", {"color": BLUE, "alpha": 0.45}),
    (0, "incorrect", {"edgecolor": ORANGE, "facecolor": "none", "hatch": "////", "linewidth": 0.9}),
)


def draw(material: Material) -> Figure | str:
    """The figure, or why there is none."""
    entries = material.scored
    if not entries or material.data is None:
        return "saved results do not hold the scores of single sentences"
    columns = min(2, len(entries))
    canvas, axes = panels(len(entries), columns, 1.8)
    room = WIDTH / columns - 0.6
    titles = distinct([entry.name for entry in entries], lambda name: cut(name, room, 9))
    told, apart = [], 0
    for entry, panel, title in zip(entries, axes, titles, strict=True):
        scores, labels = material.of_captioner(entry)
        given = ~np.isnan(scores)
        parts = {name: scores[given & (labels == label)] for label, name, _ in LOOKS}
        _draw(panel, parts)
        panel.set(title=title, ylabel="% of sentences" if panel in axes[::2] else "", xlabel="score")
        middles = {name: float(np.median(part)) for name, part in parts.items() if len(part)}
        apart += len(middles) == 2 and middles["correct"] > middles["incorrect"]
        words = [f"{name} {number(middles[name])}" if name in middles else f"no {name}" for name in parts]
        told.append(f"{clean(entry.name)}: {', '.join(words)}.")
    handles, shown = axes[0].get_legend_handles_labels()
    canvas.legend(handles, shown, loc="outside lower center", ncols=2)
    sentence = (
        f"How many of the correct and of the incorrect sentences get which score from "
        f"{among(entries, material.entries)}: the median of correct ones is the higher with {apart} of "
        f"{len(entries)}, and the less the two overlap, the better they are told apart."
    )
    return Figure("histograms", "Scores", sentence, "Histograms. Median scores. " + " ".join(told), canvas)


def _draw(panel: Axes, parts: dict[str, np.ndarray]) -> None:
    borders = edges(np.concatenate(list(parts.values())))
    for _, name, look in LOOKS:
        part = parts[name]
        share = np.histogram(part, borders)[0] / max(len(part), 1)
        panel.stairs(100 * share, borders, fill=True, label=name, **look)


def edges(scores: np.ndarray) -> np.ndarray:
    """Borders of at most about `BINS` bins of one width, each of as many possible scores as any other.

    Scores such as 0, 1, ..., 100 come in steps; bins that held now three and now four of these would show a
    comb that is not in the scores. Raises nothing for constant scores or none.
    """
    if not len(scores):
        return np.linspace(0, 1, BINS + 1)
    low, high = float(scores.min()), float(scores.max())
    # A row of bins must be wider than the scores' last digits.
    if not high - low > 1e-9 * max(abs(low), abs(high)):
        half = max(0.5, 1e-3 * abs(low))
        return np.linspace(low - half, low + half, BINS)
    step = _step(scores, low, high)
    if step is None:
        return np.linspace(low, high, BINS + 1)
    steps = round((high - low) / step) + 1
    each = -(-steps // BINS)
    return low + step * (each * np.arange(-(-steps // each) + 1) - 0.5)


def _step(scores: np.ndarray, low: float, high: float) -> float | None:
    """The step between possible scores if they all lie on at most `STEPS` steps of one size."""
    levels = np.unique(scores)
    if len(levels) > STEPS:
        return None
    step = float(np.diff(levels).min())
    if not high - low < STEPS * step:
        return None
    places = (levels - low) / step
    return step if np.abs(places - np.rint(places)).max() < 1e-3 else None
