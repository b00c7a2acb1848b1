"""Draw the sample's pictures and write its sentences: `python sample/draw.py`.

Writes `images/**` and `halcap_bench.jsonl` beside this file, in the layout and the columns of an
AlignBench release, and nothing else. The same source gives the same pixels and the same bytes.
"""

import json
import os
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import generated
import indoors
import outdoors
from canvas import Canvas
from PIL import Image

HERE = Path(__file__).parent
LABELS = ("correct", "incorrect", "unknown")
TYPES = ("Attribute", "Object", "Number", "Location", "Direction", "Relation", "Text", "Illusion", "Other")
GENERATOR = "dune"

_PHRASE = re.compile(r"\{(\w+): ([^{}]+)\}")


@dataclass(frozen=True)
class Judged:
    """One judged sentence of `captions.txt`."""

    picture: str
    domain: str
    captioner: str
    index: int
    sentence: str
    votes: tuple[int, int, int]
    errors: tuple[tuple[str, str], ...]

    @property
    def label(self) -> str:
        """The most frequent vote; "unknown" where the first place is shared."""
        most = max(self.votes)
        return LABELS[self.votes.index(most)] if self.votes.count(most) == 1 else "unknown"


def read_captions(path: Path) -> Iterator[Judged]:
    """The sentences of `captions.txt`, in its order. Raises ValueError, with the line, on a slip."""
    picture = domain = captioner = ""
    index = 0
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if line.startswith("= "):
            picture, domain = line[2:].split(" | ")
        elif line.startswith("@ "):
            captioner, index = line[2:], 0
        elif picture and line:
            votes, marked = line.split(" ", 1)
            counts = [int(count) for count in votes.split("-")]
            correct, incorrect, unknown = (*counts, 0)[:3]
            judged = Judged(
                picture, domain, captioner, index, _PHRASE.sub(r"\2", marked),
                (correct, incorrect, unknown), tuple(_PHRASE.findall(marked)),
            )  # fmt: skip
            if bool(judged.errors) != (judged.label == "incorrect"):
                raise ValueError(f"line {number}: wrong phrases are for incorrect sentences: {line}")
            if any(kind not in TYPES for kind, _ in judged.errors):
                raise ValueError(f"line {number}: unknown type; the types are {', '.join(TYPES)}: {line}")
            yield judged
            index += 1


def image_path(judged: Judged) -> str:
    """Where the picture is, relative to the release folder."""
    if judged.captioner == GENERATOR:
        return f"images/data_generation/{GENERATOR}/{judged.picture}.png"
    return f"images/drawn/{judged.picture}.png"


def record(judged: Judged) -> dict[str, object]:
    """A line of the release. Several types are joined like several phrases would be, by "; "."""
    total = sum(judged.votes)
    kinds = list(dict.fromkeys(kind for kind, _ in judged.errors))
    return {
        "model": judged.captioner,
        "image_source": "data_generation" if judged.captioner == GENERATOR else "drawn",
        "image_name": judged.picture,
        "image_type": judged.domain,
        "sentence_index": judged.index,
        "caption": judged.sentence,
        "annotation": judged.label,
        "error_type": "; ".join(kinds) or None,
        "error_words": [phrase for _, phrase in judged.errors],
        "agreement_ratio": max(judged.votes) / total,
        "fleiss_Pi": (sum(count * count for count in judged.votes) - total) / (total * (total - 1)),
        "n_correct": judged.votes[0],
        "n_incorrect": judged.votes[1],
        "n_unknown": judged.votes[2],
        "image_url": None,
        "image_path_in_repo": image_path(judged),
    }


def draw(scene: Callable[[Canvas], None]) -> Image.Image:
    canvas = Canvas("#ffffff")
    scene(canvas)
    return canvas.image()


def write(path: Path, save: Callable[[Path], object]) -> None:
    """Have `save` write a file beside `path`, then put it in its place in one step."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}")
    save(temporary)
    os.replace(temporary, path)


def main() -> int:
    sentences = list(read_captions(HERE / "captions.txt"))
    scenes = {scene.__name__: scene for scene in (*outdoors.SCENES, *indoors.SCENES, *generated.SCENES)}
    paths = {judged.picture: image_path(judged) for judged in sentences}
    if paths.keys() != scenes.keys():
        raise ValueError(f"only drawn or only described: {sorted(paths.keys() ^ scenes.keys())}")
    for picture, path in paths.items():
        image = draw(scenes[picture])
        write(HERE / path, lambda file, image=image: image.save(file, "PNG", optimize=True))
    sentences.sort(key=lambda judged: judged.captioner)  # a release goes captioner by captioner
    lines = "".join(json.dumps(record(judged), ensure_ascii=False) + "\n" for judged in sentences)
    write(HERE / "halcap_bench.jsonl", lambda file: file.write_bytes(lines.encode()))
    print(f"{len(paths)} pictures, {len(sentences)} sentences")
    return 0


if __name__ == "__main__":
    sys.exit(main())
