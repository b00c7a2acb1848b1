"""What a detector gets to see: pictures, captions and their sentences; no label, no vote, no type."""

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import datasets
import numpy as np
import pyarrow as pa

import alignbench


class Sentence(NamedTuple):
    """A sentence to judge."""

    id: str
    text: str


class Caption(NamedTuple):
    """A caption, and those of its sentences that are to be judged.

    `text` is the whole caption; `row` is where `Captions` finds the picture.
    """

    captioner: str
    image_id: str
    text: str
    sentences: tuple[Sentence, ...]
    row: int


class Captions(Sequence[Caption]):
    """The captions of a dataset, in order of first appearance, their sentences in order of position.

    Args:
        dataset: rows of config ``sentences`` or ``sample``, from `load_dataset("alignbench")` or the Hub.
        limit: only the first so many sentences; the last caption may be cut.

    `data` says what was read, for the header of scores: per captioner the number of sentences and a digest of
    their ids and texts, whatever the limit. Raises ValueError for other rows and a limit under 1.
    """

    def __init__(self, dataset: datasets.Dataset, limit: int | None = None) -> None:
        needed = ("id", "captioner", "image_id", "position", "sentence", "caption", "image")
        missing = [name for name in needed if name not in dataset.column_names]
        if missing:
            raise ValueError(f"expected rows of config 'sentences', got rows without {', '.join(missing)}")
        if limit is not None and limit < 1:
            raise ValueError(f"expected a limit of at least 1 sentence, got {limit}")
        table = dataset.select_columns(list(needed[:-1])).with_format("arrow")[:]
        self._images = dataset.select_columns("image").cast_column("image", datasets.Image(decode=False))
        self.data = {"source": _source(dataset), "captioners": _digests(table)}
        self._captions = list(_grouped(table, limit))
        self.num_sentences = sum(len(caption.sentences) for caption in self._captions)

    def __len__(self) -> int:
        return len(self._captions)

    def __getitem__(self, index: Any) -> Any:
        return self._captions[index]

    def picture(self, caption: Caption) -> bytes | None:
        """The original bytes of the picture of `caption`; None where it cannot be had."""
        cell = self._images[caption.row]["image"]
        if cell is None:
            return None
        if cell["bytes"] is not None:
            return cell["bytes"]
        try:
            return Path(cell["path"]).read_bytes() if cell["path"] else None
        except FileNotFoundError:
            return None


def _grouped(table: pa.Table, limit: int | None) -> Iterator[Caption]:
    columns = {
        name: table[name].to_pylist() for name in ("id", "captioner", "image_id", "sentence", "caption")
    }
    position = table["position"].to_numpy()
    groups: dict[tuple[str, str], list[int]] = {}
    for row, key in enumerate(zip(columns["captioner"], columns["image_id"], strict=True)):
        groups.setdefault(key, []).append(row)
    left = table.num_rows if limit is None else limit
    for (captioner, image_id), rows in groups.items():
        rows = sorted(rows, key=position.__getitem__)[:left]
        left -= len(rows)
        sentences = tuple(Sentence(columns["id"][row], columns["sentence"][row]) for row in rows)
        yield Caption(captioner, image_id, columns["caption"][rows[0]], sentences, rows[0])
        if not left:
            return


def _digests(table: pa.Table) -> dict[str, dict[str, Any]]:
    """Per captioner the number of sentences and a digest that does not depend on their order."""
    found: dict[str, dict[str, Any]] = {}
    captioner = np.array(table["captioner"].to_pylist(), dtype=object)
    lines = [
        f"{name}\0{text}\n"
        for name, text in zip(table["id"].to_pylist(), table["sentence"].to_pylist(), strict=True)
    ]
    for name in dict.fromkeys(captioner):
        rows = np.flatnonzero(captioner == name)
        text = "".join(sorted(lines[row] for row in rows))
        digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
        found[name] = {"sentences": len(rows), "digest": digest}
    return found


def _source(dataset: datasets.Dataset) -> str:
    try:
        return alignbench.report(dataset).source
    except FileNotFoundError:
        return "a dataset"
