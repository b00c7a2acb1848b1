"""Mean score by the sentence's position in its caption."""

from alignbench_tools.reporting.figures.material import Material, among
from alignbench_tools.reporting.figures.style import CORRECT, INCORRECT, Figure, panels, short


def draw(material: Material) -> Figure | str:
    """The figure, or why there is none."""
    entries = material.with_part("position")
    if not entries:
        return "the positions of the sentences are not known"
    canvas, axes = panels(len(entries), min(4, len(entries)), 2.1, sharex=True)
    for entry, panel in zip(entries, axes, strict=True):
        means = entry.result["position"]["mean"]
        for field, label, look in (
            ("score_correct", "correct", CORRECT),
            ("score_incorrect", "incorrect", INCORRECT),
        ):
            panel.plot(range(len(means)), [cell[field] for cell in means.values()], label=label, **look)
        panel.set(title=short(entry.name, 22), xticks=range(len(means)))
        panel.set_xticklabels(list(means))
    axes[0].set_ylabel("mean score")
    canvas.supxlabel("position of the sentence in its caption", fontsize=9)
    handles, labels = axes[0].get_legend_handles_labels()
    canvas.legend(handles, labels, loc="outside upper center", ncols=2)
    falls = [_fall(entry.result["position"]["mean"]) for entry in entries]
    lower = sum(fall > 0 for fall in falls)
    sentence = (
        f"Mean score of correct and of incorrect sentences by their place in the caption, of "
        f"{among(entries, material.entries)}, averaged over captioners: incorrect ones score lower in the "
        f"last place than in the first with {lower} of {len(entries)}."
    )
    alt = "Lines of mean scores by position. " + " ".join(_told(entry) for entry in entries)
    return Figure("position", "Score by sentence position", sentence, alt, canvas)


def _known(means: dict, field: str) -> list[tuple[str, float]]:
    return [(place, cell[field]) for place, cell in means.items() if cell[field] == cell[field]]


def _fall(means: dict) -> float:
    """By how much incorrect sentences score less in the last known place than in the first."""
    known = _known(means, "score_incorrect")
    return known[0][1] - known[-1][1] if known else 0.0


def _told(entry) -> str:
    parts = []
    for field, label in (("score_correct", "correct"), ("score_incorrect", "incorrect")):
        known = _known(entry.result["position"]["mean"], field)
        if known:
            (first, start), (last, end) = known[0], known[-1]
            parts.append(f"{label} {start:.3g} at {first} to {end:.3g} at {last}")
    return f"{entry.name}: {', '.join(parts) or 'not known'}."
