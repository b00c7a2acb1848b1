"""Mean score by the sentence's position in its caption."""

from alignbench_tools.reporting.figures.labels import clean, distinct, wrapped
from alignbench_tools.reporting.figures.material import Material
from alignbench_tools.reporting.figures.style import CORRECT, INCORRECT, SHOWN, WIDTH, Figure, panels
from alignbench_tools.reporting.figures.wording import among, number
from alignbench_tools.reporting.inputs import Entry

FIELDS = (("correct", CORRECT), ("incorrect", INCORRECT))


def draw(material: Material) -> Figure | str:
    """The figure, or why there is none."""
    entries = material.with_part("position")
    if not entries:
        return "the positions of the sentences are not known"
    canvas, axes = panels(len(entries), min(SHOWN, len(entries)), 2.1, sharex=True)
    room = WIDTH / len(axes) - 0.3
    titles = distinct([entry.name for entry in entries], lambda name: wrapped(name, room))
    for entry, panel, title in zip(entries, axes, titles, strict=True):
        means = entry.result["position"]["mean"]
        places = range(len(means))
        for label, look in FIELDS:
            panel.plot(places, [cell[f"score_{label}"] for cell in means.values()], label=label, **look)
        panel.set(title=title, xticks=places)
        panel.set_xticklabels(list(means))
        panel.margins(y=0.12)
    axes[0].set_ylabel("mean score")
    canvas.supxlabel("position of the sentence in its caption", fontsize=9)
    handles, labels = axes[0].get_legend_handles_labels()
    canvas.legend(handles, labels, loc="outside upper center", ncols=2)
    falling = {label: sum(_slope(entry, label) < 0 for entry in entries) for label, _ in FIELDS}
    sentence = (
        f"Mean score of correct and of incorrect sentences by their place in the caption, of "
        f"{among(entries, material.entries)}, averaged over captioners: from place to place correct ones "
        f"score lower with {falling['correct']} of {len(entries)} and incorrect ones with "
        f"{falling['incorrect']} of {len(entries)} (slope of the least-squares line)."
    )
    alt = "Lines of mean scores by position. " + " ".join(_told(entry) for entry in entries)
    return Figure("position", "Score by sentence position", sentence, alt, canvas)


def _slope(entry: Entry, label: str) -> float:
    return float(entry.result["position"]["slope"]["mean"][label])


def _told(entry: Entry) -> str:
    parts = []
    for label, _ in FIELDS:
        means = entry.result["position"]["mean"]
        known = [(place, cell[f"score_{label}"]) for place, cell in means.items()]
        known = [(place, score) for place, score in known if score == score]
        if known:
            (first, start), (last, end) = known[0], known[-1]
            parts.append(f"{label} {number(start)} at {first} to {number(end)} at {last}")
    return f"{clean(entry.name)}: {', '.join(parts) or 'not known'}."
