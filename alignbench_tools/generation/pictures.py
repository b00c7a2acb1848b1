"""Pictures to describe: a folder, or those that the benchmark's captioners described."""

import argparse
import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import datasets

import alignbench
from alignbench_tools import release
from alignbench_tools.captions import Caption, Captions, Sentence

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp")

# Columns of a dataset that may hold its pictures' names.
NAMED_BY = ("image_id", "id", "file_name", "image_name")


class Picture(NamedTuple):
    """A picture: its name in the benchmark, where it is from, and its file or address."""

    name: str
    source: str
    domain: str | None = None
    file: Path | None = None
    url: str | None = None


class Pictures(Captions):
    """Pictures as the detectors' engine takes them: captions of one sentence that is still to be written.

    `data` pins names and bytes, so that a run does not go on with other pictures.
    """

    def __init__(
        self,
        pictures: Sequence[Picture],
        captioner: str,
        source: str,
        read: Callable[[int], bytes | None],
    ) -> None:
        self.pictures = list(pictures)
        self.picture_of = {f"{captioner}/{picture.name}/0": picture for picture in pictures}
        if len(self.picture_of) != len(self.pictures):
            names = [picture.name for picture in pictures]
            twice = next(name for name in names if names.count(name) > 1)
            raise ValueError(f"two pictures are named {twice!r}; names are the pictures' ids, rename one")
        self._captions = [
            Caption(captioner, picture.name, "", (Sentence(f"{captioner}/{picture.name}/0", ""),), row)
            for row, picture in enumerate(pictures)
        ]
        self._read = read
        self.num_sentences = len(self._captions)
        digest = hashlib.sha256()
        for row, picture in enumerate(pictures):
            digest.update(f"{picture.name}\0{hashlib.sha256(read(row) or b'').hexdigest()}\n".encode())
        count = {"sentences": len(pictures), "digest": digest.hexdigest()[:16]}
        self.data: dict[str, Any] = {"source": source, "captioners": {captioner: count}}

    def picture(self, caption: Caption) -> bytes | None:
        """The original bytes."""
        return self._read(caption.row)


def of_folder(folder: Path, captioner: str, limit: int | None = None) -> Pictures:
    """Every picture file in `folder`, by name; a picture's name is its path without the suffix.

    Raises FileNotFoundError if there is none.
    """
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)[:limit]
    if not files:
        raise FileNotFoundError(f"{folder}: no picture ({', '.join(SUFFIXES)}) in it")
    names = [
        str(path.relative_to(folder).with_suffix("")).replace("/", "_").replace("\\", "_") for path in files
    ]
    pictures = [Picture(name, folder.name, None, path) for name, path in zip(names, files, strict=True)]
    return Pictures(pictures, captioner, str(folder), lambda row: files[row].read_bytes())


def of_dataset(name: str, split: str, captioner: str, limit: int | None = None) -> Pictures:
    """The pictures in column ``image`` of a dataset of the Hub or of a folder, as `load_dataset` takes it.

    A picture is named by the first of the columns `NAMED_BY` that the dataset has, else by its row number;
    rows without picture are left out. Raises ValueError if there is no such column or no picture.
    """
    rows = datasets.load_dataset(name, split=split)
    if "image" not in rows.column_names:
        raise ValueError(f"{name}: expected a column image, got {', '.join(rows.column_names)}")
    images = rows.select_columns("image").cast_column("image", datasets.Image(decode=False))
    column = next((each for each in NAMED_BY if each in rows.column_names), None)
    names = list(map(str, rows[column])) if column else [str(row) for row in range(len(rows))]
    present = [row for row, cell in enumerate(images["image"]) if cell is not None][:limit]
    if not present:
        raise ValueError(f"{name}, split {split}: no picture in it")
    source = name.rstrip("/").rpartition("/")[2]
    pictures = [Picture(_plain_name(names[row]), source) for row in present]
    return Pictures(
        pictures, captioner, f"{name}, {split}", lambda row: _bytes(images[present[row]]["image"])
    )


def _plain_name(name: str) -> str:
    """`name` without the suffix of a picture file and without separators of paths."""
    path = Path(name)
    stem = str(path.with_suffix("")) if path.suffix.lower() in SUFFIXES else name
    return stem.replace("/", "_").replace("\\", "_")


def of_benchmark(args: argparse.Namespace, captioner: str, limit: int | None = None) -> Pictures:
    """The pictures that the captioners of a release described, under the same names.

    So the new captioner's sentences go along with the others' on a picture (`image_id`). Pictures that
    cannot be had are left out.
    """
    rows = release.load_sentences(args, "auto")
    kept = rows.select_columns(["image_id", "image_source", "image_url", "domain", "direction"])
    images = rows.select_columns("image").cast_column("image", datasets.Image(decode=False))
    described = alignbench.DIRECTIONS.index("image_to_text")
    pictures, places, seen = [], [], set()
    for row, each in enumerate(kept):
        key = (each["image_source"], each["image_id"])
        if each["direction"] != described or key in seen:
            continue
        seen.add(key)
        if images[row]["image"] is None:
            continue
        path = images[row]["image"]["path"]
        file = None if each["image_url"] or not path else Path(path)
        pictures.append(
            Picture(each["image_id"], each["image_source"], each["domain"], file, each["image_url"])
        )
        places.append(row)
        if len(pictures) == limit:
            break
    if not pictures:
        raise ValueError("the release has no picture that a captioner described and that can be had")
    return Pictures(pictures, captioner, "the benchmark", lambda row: _bytes(images[places[row]]["image"]))


def _bytes(cell: dict[str, Any]) -> bytes:
    return cell["bytes"] if cell["bytes"] is not None else Path(cell["path"]).read_bytes()
