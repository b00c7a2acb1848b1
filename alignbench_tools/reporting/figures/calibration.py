"""Whether a score is the probability that the sentence is correct."""

import numpy as np
from alignbench_auroc.calibration import BINS

from alignbench_tools.reporting.figures.labels import clean, cut, distinct, key
from alignbench_tools.reporting.figures.material import Material
from alignbench_tools.reporting.figures.style import CHANCE, SERIES, SHOWN, Figure, panels
from alignbench_tools.reporting.figures.wording import among
from alignbench_tools.reporting.inputs import Entry


def draw(material: Material) -> Figure | str:
    """The figure, or why there is none."""
    if material.data is None or not material.scored:
        return "saved results do not hold the scores of single sentences"
    entries = [entry for entry in material.entries if entry.scores is not None and _ece(entry) == _ece(entry)]
    entries = entries[:SHOWN]
    if not entries:
        return "it takes scores in [0, 1], probabilities of being correct, and no detector's are"
    canvas, (panel,) = panels(1, 1, 3.2)
    panel.plot([0, 1], [0, 1], **CHANCE)
    for entry, look in zip(entries, SERIES, strict=False):
        mean, share, _ = bins(*material.of_captioner(entry))
        panel.plot(mean, share, label=entry.name, **look)
    limits = {"xlim": (0, 1), "ylim": (0, 1.01), "aspect": "equal"}
    panel.set(**limits, xlabel="mean score", ylabel="share of correct sentences")
    names = distinct([entry.name for entry in entries], lambda name: cut(name, 1.9))
    labels = [f"{name} (ECE {_ece(entry):.3f})" for name, entry in zip(names, entries, strict=True)]
    key(canvas, panel.get_lines()[1:], labels, "outside right center")
    best = min(entries, key=_ece)
    sentence = (
        f"The share of correct sentences among those of a score, in {BINS} bins, of "
        f"{among(entries, material.entries)}; on the diagonal a score is a probability, and "
        f"{clean(best.name)} is {'off it' if len(entries) == 1 else 'nearest to it, off'} by "
        f"{_ece(best):.3f} on average (expected calibration error)."
    )
    told = ", ".join(f"{clean(entry.name)} {_ece(entry):.3f}" for entry in entries)
    return Figure(
        "calibration", "Calibration", sentence, f"Curves. Expected calibration error: {told}.", canvas
    )


def bins(scores: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean score, share of correct sentences and their number in each bin that is not empty, (b,) each.

    The bins are those of the metric's expected calibration error, closed at the left; a missing score that
    the result counts (NaN) is wrong by 1, as there.
    """
    scores = np.where(np.isnan(scores), 1 - labels, scores)
    places = np.minimum((scores * BINS).astype(np.int64), BINS - 1)
    number = np.bincount(places, minlength=BINS)
    there = number > 0
    mean, share = (np.bincount(places, each, BINS)[there] / number[there] for each in (scores, labels))
    return mean, share, number[there]


def _ece(entry: Entry) -> float:
    """NaN where the result has none."""
    return float((entry.result.get("pooled") or {}).get("ece", float("nan")))
