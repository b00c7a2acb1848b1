"""What pairs of detectors gain over the better of the two."""

import numpy as np
from alignbench_auroc.ensembles import ensembles

from alignbench_tools.reporting.figures.material import Material
from alignbench_tools.reporting.figures.style import BLUE, ORANGE, Figure, panels, percent, short


def draw(material: Material) -> Figure | str:
    """The figure, or why there is none."""
    data, entries = material.data, material.scored
    if data is None or len(entries) < 2:
        return "it takes the scores of at least two detectors"
    known = data.sentences.known.copy()
    columns = {entry.name: entry.scores for entry in entries if entry.scores is not None}
    for values in columns.values():
        known &= ~np.isnan(values)
    if not known.any():
        return "no labelled sentence has a score of every detector shown"
    scores = {name: values[known] for name, values in columns.items()}
    found = ensembles(scores, data.sentences.labels[known], data.captioner[known], method="zscore")
    found = sorted((pair for pair in found if pair.mean == pair.mean), key=lambda pair: pair.mean)
    if not found:
        return "no captioner has both correct and incorrect sentences"
    canvas, (panel,) = panels(1, 1, 0.9 + 0.3 * len(found))
    for place, pair in enumerate(found):
        single = pair.mean - pair.mean_gain
        look = {"color": BLUE if pair.mean_gain > 0 else ORANGE}
        panel.plot([100 * single, 100 * pair.mean], [place, place], linewidth=2, zorder=1, **look)
        panel.plot(100 * single, place, "o", markerfacecolor="white", markeredgecolor="black", zorder=2)
        panel.plot(100 * pair.mean, place, "o" if pair.mean_gain > 0 else "s", zorder=3, **look)
        panel.annotate(
            f"{100 * pair.mean_gain:+.1f}".replace("-", "−"), (100 * max(single, pair.mean), place),
            xytext=(7, 0), textcoords="offset points", va="center", fontsize=8,
        )  # fmt: skip
    panel.set_yticks(
        range(len(found)), [" + ".join(short(name, 20) for name in pair.detectors) for pair in found]
    )
    panel.set_xlabel("mean AUROC, %: the better member (open), the pair (filled)")
    panel.margins(x=0.12, y=0.12)
    panel.grid(axis="y", linewidth=0.4, color="#DDDDDD")
    gained = sum(pair.mean_gain > 0 for pair in found)
    best = found[-1]
    sentence = (
        f"Mean AUROC of the average of two detectors' z-scores against that of the better one alone: "
        f"{gained} of {len(found)} pairs gain, and the best is {' + '.join(best.detectors)} "
        f"with {percent(best.mean)}."
    )
    told = "; ".join(
        f"{' + '.join(pair.detectors)} {percent(pair.mean)} ({100 * pair.mean_gain:+.1f})" for pair in found
    )
    return Figure("ensembles", "Ensembles of two", sentence, f"Dumbbell plot. {told}.", canvas)
