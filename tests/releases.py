"""Small made-up releases for tests: pictures of noise, so that nothing shrinks, and many captions of each."""

import json
import random
from pathlib import Path

from PIL import Image

TYPES = ("Attribute", "Object", "Number", "Location", "Direction", "Relation", "Text", "Illusion", "Other")
VOTES = {"correct": (2, 1, 0), "incorrect": (1, 2, 0), "unknown": (1, 1, 1)}


def noise(path: Path, seed: int, side: int = 64) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.frombytes("RGB", (side, side), random.Random(seed).randbytes(3 * side * side)).save(path)


def line(
    captioner: str, picture: str, position: int, *, label: str, url: str | None, path: str | None
) -> dict:
    """One line of a release; the wrong word is `größer`, after a letter of two UTF-16 code units."""
    wrong = label == "incorrect"
    word = "größer" if wrong else "here"
    n_correct, n_incorrect, n_unknown = VOTES[label]
    return {
        "model": captioner,
        "image_source": "COCO" if url else "SD",
        "image_name": picture,
        "image_type": "Nature",
        "sentence_index": position,
        "caption": f"𝒜 {captioner} says that thing {position} in {picture} is {word}.",
        "annotation": label,
        "error_type": TYPES[position % len(TYPES)] if wrong else None,
        "error_words": ["größer"] if wrong else [],
        "agreement_ratio": 1.0 if label == "correct" else 0.67,
        "fleiss_Pi": 0.3333,
        "n_correct": n_correct,
        "n_incorrect": n_incorrect,
        "n_unknown": n_unknown,
        "image_url": url,
        "image_path_in_repo": path,
    }


def make_release(folder: Path, *, pictures: int = 6, sentences: int = 5, side: int = 64) -> Path:
    """Three captioners on COCO pictures (files in `folder/../coco`) and `sd` on generated ones of its own."""
    lines = []
    labels = random.Random(7).choices(
        ("correct", "incorrect", "unknown"), (6, 3, 1), k=4 * pictures * sentences
    )
    for number in range(pictures):
        real, drawn = f"{number:012d}", f"images/sd/{number}.png"
        noise(folder.parent / "coco" / f"{real}.png", number, side)
        noise(folder / drawn, 1000 + number, side)
        for captioner in ("llava", "qwen", "gpt4o", "sd"):
            generated = captioner == "sd"
            lines += [
                line(
                    captioner,
                    str(number) if generated else real,
                    position,
                    label=labels.pop(),
                    url=None if generated else f"http://127.0.0.1:9/{real}.png",
                    path=drawn if generated else None,
                )
                for position in range(sentences)
            ]
    write_lines(folder, lines)
    return folder


def read_lines(folder: Path) -> list[dict]:
    return [json.loads(text) for text in (folder / "halcap_bench.jsonl").read_text("utf-8").splitlines()]


def write_lines(folder: Path, lines: list[dict]) -> None:
    text = "".join(json.dumps(entry, ensure_ascii=False) + "\n" for entry in lines)
    (folder / "halcap_bench.jsonl").write_text(text, "utf-8")
