"""What to judge: a collection of generated captions, or a release that is judged again."""

import random
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

import datasets

import alignbench
from alignbench_tools.annotation.items import CAPTIONS_FILE, Item, json_lines

_NEEDED = ("image_name", "image_source", "captioner", "caption", "sentences")


class Source(NamedTuple):
    """Sentences to judge; the file of each picture that they name by `image_path_in_repo`; remarks."""

    items: list[Item]
    files: dict[str, Path]
    notes: list[str]


def read_collection(folder: Path) -> Source:
    """The sentences of a folder with `captions.jsonl`, as `alignbench generate` writes it.

    The cuts are the stored ones. A record without sentences (a refusal, an empty answer) is counted and left
    out. ValueError names the line of a record that lacks a field, or whose cuts are not those of its caption.
    """
    items: list[Item] = []
    files: dict[str, Path] = {}
    empty = 0
    for number, record in json_lines(folder / CAPTIONS_FILE):
        where = f"{folder / CAPTIONS_FILE}, line {number}"
        if not record.get("sentences"):
            empty += 1
            continue
        if missing := [name for name in _NEEDED if record.get(name) in (None, "")]:
            raise ValueError(f"{where}: no value in {', '.join(missing)}")
        url, path, file = _picture(record, folder, where)
        if path and files.setdefault(path, file) != file:
            raise ValueError(f"{where}: two pictures would be {path}: {files[path]} and {file}")
        items += _caption_items(record, url, path, where)
    notes = [f"captions without a sentence (refused or empty), left out: {empty:,}"] if empty else []
    if not items:
        raise ValueError(f"{folder / CAPTIONS_FILE}: no sentence to judge")
    return Source(items, files, notes)


def _picture(record: dict[str, Any], folder: Path, where: str) -> tuple[str | None, str | None, Path]:
    """Address of the record's picture, or its place in a release, and its file."""
    image, source, name = record.get("image"), str(record["image_source"]), str(record["image_name"])
    url = record.get("image_url")
    if isinstance(image, str) and image.startswith(("http://", "https://")):
        url, image = image, None
    if url:
        return url, None, folder
    if not image:
        raise ValueError(f"{where}: no value in image (a path) or image_url")
    file = folder / image
    inside = PurePosixPath(image)
    if inside.parts[0] == "images" and ".." not in inside.parts:
        return None, str(inside), file
    return None, str(PurePosixPath("images", _as_name(source), _as_name(name) + file.suffix.lower())), file


def _as_name(text: str) -> str:
    """`text` as the name of a file: no separator, no way up."""
    return "".join(char if char.isalnum() or char in "-_ ." else "_" for char in text).lstrip(".") or "_"


def _caption_items(record: dict[str, Any], url: str | None, path: str | None, where: str) -> list[Item]:
    caption = record["caption"]
    items = []
    for index, cut in enumerate(record["sentences"]):
        try:
            start, end, text = int(cut["start"]), int(cut["end"]), cut["text"]
        except (KeyError, TypeError, ValueError):
            raise ValueError(f"{where}: expected sentences of start, end and text, got {cut!r}") from None
        if not text.strip() or caption[start:end] != text:
            raise ValueError(
                f"{where}: sentence {index} is cut at {start} to {end}, where the caption reads "
                f"{caption[start:end]!r}, not {text!r}; store the caption and its cuts again"
            )
        items.append(
            Item(
                model=str(record["captioner"]),
                image_source=str(record["image_source"]),
                image_name=str(record["image_name"]),
                image_type=record.get("domain"),
                sentence_index=index,
                sentence=text,
                image_url=url,
                image_path_in_repo=path,
                before=caption[:start],
                after=caption[end:],
            )
        )
    return items


def read_rows(captions: datasets.Dataset) -> Source:
    """The sentences of a dataset of config ``captions``, to be judged again.

    Where a caption has no picture, neither address nor file, its sentences are counted and left out.
    """
    captions = captions.cast_column("image", datasets.Image(decode=False))
    items: list[Item] = []
    files: dict[str, Path] = {}
    blind = 0
    for row in captions:
        path = None if row["image_url"] else _place(row)
        if path:
            files[path] = Path(row["image"]["path"])
        elif not row["image_url"]:
            blind += row["num_sentences"]
            continue
        items += [_row_item(row, sentence, path) for sentence in row["sentences"]]
    notes = [f"sentences without a picture, left out: {blind:,}"] if blind else []
    if not items:
        raise ValueError("no sentence with a picture to judge")
    return Source(items, files, notes)


def _place(row: dict[str, Any]) -> str | None:
    """Where the picture of `row` lies in a release."""
    picture = row["image"]
    if not picture or not picture["path"]:
        return None
    parts = Path(picture["path"]).parts
    if "images" in parts:
        return str(PurePosixPath(*parts[len(parts) - 1 - parts[::-1].index("images") :]))
    name = _as_name(row["image_id"]) + Path(picture["path"]).suffix
    return str(PurePosixPath("images", _as_name(row["image_source"] or "unknown"), name))


def _row_item(row: dict[str, Any], sentence: dict[str, Any], path: str | None) -> Item:
    return Item(
        model=row["captioner"],
        image_source=row["image_source"] or "unknown",
        image_name=row["image_id"],
        image_type=row["domain"],
        sentence_index=sentence["position"],
        sentence=sentence["sentence"],
        image_url=row["image_url"],
        image_path_in_repo=path,
        before=row["caption"][: sentence["start"]],
        after=row["caption"][sentence["end"] :],
    )


def gold_items(captions: datasets.Dataset, count: int, seed: int = 0) -> Source:
    """`count` sentences whose label is known, half of them incorrect where there are so many.

    Only sentences that all their annotators labelled alike are taken. ValueError where there are too few.
    """
    known = {}
    for row in captions.select_columns(["captioner", "image_id", "sentences"]):
        for sentence in row["sentences"]:
            votes = [vote for vote in (sentence["votes"] or {}).values() if vote]
            if sentence["label"] < 2 and len(votes) == 1:
                known[sentence["id"]] = alignbench.LABELS[sentence["label"]]
    source = read_rows(captions)
    items = [item._replace(gold=known[item.id]) for item in source.items if item.id in known]
    if len(items) < count:
        raise ValueError(f"expected {count} gold sentences, got {len(items)} whose votes are unanimous")
    random.Random(seed).shuffle(items)
    wrong = [item for item in items if item.gold == "incorrect"][: count // 2]
    taken = {item.id for item in wrong}
    chosen = wrong + [item for item in items if item.id not in taken][: count - len(wrong)]
    files = {path: source.files[path] for item in chosen if (path := item.image_path_in_repo)}
    return Source(chosen, files, source.notes)


def mixed(source: Source, gold: Source, seed: int = 0) -> Source:
    """`source` with the captions' order kept and the gold sentences spread over it."""
    if clashes := [path for path in gold.files if path in source.files and not _same(source, gold, path)]:
        raise ValueError(f"two pictures are called {clashes[0]}: rename the gold release's one")
    rng = random.Random(seed)
    items = list(source.items)
    for item in gold.items:
        items.insert(rng.randrange(len(items) + 1), item)
    return Source(items, {**source.files, **gold.files}, [*source.notes, *gold.notes])


def _same(source: Source, gold: Source, path: str) -> bool:
    return source.files[path].read_bytes() == gold.files[path].read_bytes()


def of_captioners(source: Source, captioners: Sequence[str] | None) -> Source:
    """The sentences of some captioners; ValueError for one that is not there."""
    if not captioners:
        return source
    present = {item.model: None for item in source.items}
    if unknown := [name for name in captioners if name not in present]:
        raise ValueError(f"no captioner {unknown[0]!r}: take of {', '.join(present)}")
    items = [item for item in source.items if item.model in captioners]
    used = {item.image_path_in_repo for item in items}
    return Source(items, {path: file for path, file in source.files.items() if path in used}, source.notes)
