"""What annotators see: the labelling config, the instructions and the tasks."""

import base64
import html
import mimetypes
import urllib.parse
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from alignbench_tools.annotation.items import Item, Round
from alignbench_tools.annotation.votes import CHOICES

# Names of tags in the labelling config, which are also those in an export.
LABEL, TYPES, SENTENCE = "label", "types", "sentence"

QUESTION = "Does the framed sentence match the picture?"
CHOICE_MEANINGS = {
    "correct": "everything that the sentence says can be seen in the picture, or follows from it",
    "incorrect": "at least one thing that it says is not so; mark the wrong words",
    "unknown": "the picture does not show whether it is so, or it is a matter of taste",
}
TYPE_MEANINGS = {
    "Attribute": "a thing is there, but not so: wrong colour, size, shape, material, pattern or state",
    "Object": "a thing is called by the name of another one",
    "Number": "a wrong count",
    "Location": "a thing is there, but elsewhere in the picture",
    "Direction": "a thing faces, points or moves another way",
    "Relation": "two things stand to each other, or act on each other, in another way",
    "Text": "words or figures that can be read in the picture are given wrongly",
    "Illusion": "a thing is named that is not in the picture at all",
    "Other": "wrong in a way that is none of these",
}
_COLOURS = ("#d1495b", "#edae49", "#66a182", "#2e86ab", "#8d6b94", "#b5651d", "#00798c", "#c05299", "#7a7a7a")


def config(adjudication: bool = False) -> str:
    """The labelling config (XML): picture, sentence in its caption, choice, types to mark words with.

    Types appear once *incorrect* is chosen. `adjudication` adds what the annotators said.
    """
    root = ET.Element("View", className="columns")
    # Otherwise runs of white space are shown as one space.
    ET.SubElement(root, "Style").text = (
        ".htx-text, .lsf-htx-richtext { white-space: pre-wrap; } "
        ".columns { display: flex; gap: 1em; align-items: flex-start; } .column { flex: 1 1 50%; } "
        ".framed { border: 2px solid #2e86ab; border-radius: 4px; padding: 4px 8px; font-size: 1.15em; }"
    )
    ET.SubElement(ET.SubElement(root, "View", className="column"), "Image", name="image", value="$image")
    view = ET.SubElement(root, "View", className="column")
    ET.SubElement(view, "Header", value=QUESTION)
    _text(view, "before")
    _text(ET.SubElement(view, "View", className="framed"), SENTENCE, granularity="word")
    _text(view, "after")
    if adjudication:
        ET.SubElement(view, "Header", value="What the annotators said")
        _text(view, "said")
    choices = ET.SubElement(
        view, "Choices", name=LABEL, toName=SENTENCE, choice="single", required="true", showInline="true"
    )
    for number, choice in enumerate(CHOICES, 1):
        ET.SubElement(choices, "Choice", value=choice, hotkey=str(number), hint=CHOICE_MEANINGS[choice])
    shown = ET.SubElement(
        view, "View", visibleWhen="choice-selected", whenTagName=LABEL, whenChoiceValue="incorrect"
    )
    ET.SubElement(shown, "Header", value="Mark the wrong words: first the type, then the words")
    labels = ET.SubElement(shown, "Labels", name=TYPES, toName=SENTENCE)
    for (kind, meaning), colour, key in zip(TYPE_MEANINGS.items(), _COLOURS, "qwertyuio", strict=True):
        ET.SubElement(labels, "Label", value=kind, background=colour, hotkey=key, hint=meaning)
    ET.indent(root)
    return ET.tostring(root, encoding="unicode") + "\n"


def _text(parent: ET.Element, name: str, granularity: str = "") -> None:
    selectable = {"granularity": granularity} if granularity else {"selectionEnabled": "false"}
    ET.SubElement(parent, "Text", {"name": name, "value": f"${name}", **selectable})


def instructions() -> str:
    """The guidelines in short, as HTML, which Label Studio shows before the first sentence."""
    rules = (
        "Judge the framed sentence only; the rest of the caption is there to say what its words refer to.",
        "Mark as few words as are wrong, and all of them; mark each error by itself.",
        "If one word is wrong in two ways, take the type that stands first in the list.",
        "Zoom in before you say that something is not there.",
        "Do not ask others, and do not look the picture up.",
    )
    return "\n".join(
        [
            f"<h3>{html.escape(QUESTION)}</h3>",
            _definitions(CHOICE_MEANINGS),
            "<h3>Types of error</h3>",
            _definitions(TYPE_MEANINGS),
            "<h3>Rules</h3>",
            "<ul>" + "".join(f"<li>{html.escape(rule)}</li>" for rule in rules) + "</ul>",
        ]
    )


def _definitions(meanings: Mapping[str, str]) -> str:
    entries = (f"<li><b>{name}</b>: {html.escape(meaning)}</li>" for name, meaning in meanings.items())
    return "<ul>" + "".join(entries) + "</ul>"


def tasks(
    judging: Round, folder: Path, image_prefix: str | None = None, said: Mapping[str, str] | None = None
) -> Iterator[dict[str, Any]]:
    """A Label Studio task per item: what an annotator may see, and nothing else.

    Pictures without an address are embedded from `folder`, or, with `image_prefix`, expected at that address
    followed by their path. `said` is what the annotators said, by key.
    """
    embedded: dict[str, str] = {}
    for key, item in judging.items.items():
        data = {
            "key": key,
            "round": judging.number,
            "image": _address(item, folder, image_prefix, embedded),
            "before": item.before,
            SENTENCE: item.sentence,
            "after": item.after,
        }
        yield {"data": {**data, "said": said[key]} if said else data}


def _address(item: Item, folder: Path, prefix: str | None, embedded: dict[str, str]) -> str:
    path = item.image_path_in_repo
    if not path:
        return item.image_url or ""
    if prefix is not None:
        return f"{prefix.rstrip('/')}/{urllib.parse.quote(path)}"
    if path not in embedded:
        kind = mimetypes.guess_type(path)[0] or "image/png"
        data = base64.b64encode((folder / path).read_bytes()).decode("ascii")
        embedded.clear()  # neighbours share a picture; a whole collection does not fit into memory
        embedded[path] = f"data:{kind};base64,{data}"
    return embedded[path]
