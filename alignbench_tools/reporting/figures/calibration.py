"""Whether a score is the probability that the sentence is correct."""

from sklearn.calibration import calibration_curve

from alignbench_tools.reporting.figures.material import Material
from alignbench_tools.reporting.figures.style import CHANCE, SERIES, Figure, panels, short
from alignbench_tools.reporting.inputs import Entry

BINS = 10


def draw(material: Material) -> Figure | str:
    """The figure, or why there is none."""
    if material.data is None or not material.scored:
        return "saved results do not hold the scores of single sentences"
    entries = [entry for entry in material.scored if _ece(entry) == _ece(entry)]
    if not entries:
        return "calibration is defined for scores in [0, 1], and those of the best detectors are not"
    canvas, (panel,) = panels(1, 1, 3.2)
    panel.plot([0, 1], [0, 1], **CHANCE)
    for entry, look in zip(entries, SERIES, strict=False):
        scores, labels = material.of_captioner(entry)
        share, mean = calibration_curve(labels, scores, n_bins=BINS)
        panel.plot(mean, share, label=f"{short(entry.name)} (ECE {_ece(entry):.3f})", **look)
    panel.set(
        xlim=(0, 1), ylim=(0, 1.01), aspect="equal", xlabel="mean score", ylabel="share of correct sentences"
    )
    canvas.legend(loc="outside right center")
    best = min(entries, key=_ece)
    sentence = (
        f"The share of correct sentences among those of a score, in {BINS} bins; on the diagonal a score is "
        f"a probability. {best.name} is nearest, with an expected calibration error of "
        f"{_ece(best):.3f}."
    )
    told = ", ".join(f"{entry.name} {_ece(entry):.3f}" for entry in entries)
    return Figure(
        "calibration", "Calibration", sentence, f"Curves. Expected calibration error: {told}.", canvas
    )


def _ece(entry: Entry) -> float:
    return (entry.result.get("pooled") or {}).get("ece", float("nan"))
