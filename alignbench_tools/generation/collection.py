"""The folder of a collection: ``captions.jsonl``, a record for each picture, pictures, ``generation.json``.

A record has `captioner`, `image_name`, `image_source`, `domain`, `image` (a path in the folder) or
`image_url`, `caption`, `sentences` (the cut: start, end, text), `status` and `flags`. Refusals, empty
answers and failed calls are records without sentences: their reply stands under `reply`, never under
`caption`.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from alignbench import check_picture, write_atomically
from alignbench_tools.annotation.folders import link_or_copy
from alignbench_tools.annotation.items import CAPTIONS_FILE
from alignbench_tools.generation import asking, splitting
from alignbench_tools.generation.pictures import Picture, Pictures
from alignbench_tools.scores import Score, Scores

ABOUT_FILE = "generation.json"
STATUS = {"unparsed": "empty"}


def write(folder: Path, pictures: Pictures, replies: Scores, about: Mapping[str, Any]) -> Counter[str]:
    """Write the collection of what a captioner replied, and count the records by status and flag.

    Records that stand there already keep their cut: a newer splitter changes none of them.
    """
    known = {
        (record["captioner"], record["image_name"]): record
        for record in read(folder)
        if record.get("sentences")
    }
    captioner = next(iter(pictures.data["captioners"]))
    rows = {row.id: row for row in replies.rows()}
    records = []
    for caption, (name, picture) in zip(pictures, pictures.picture_of.items(), strict=True):
        if name not in rows:
            continue
        data = None if picture.url or picture.file else pictures.picture(caption)
        made = _record(captioner, picture, rows[name], folder, data)
        before = known.get((captioner, picture.name))
        same = before is not None and before.get("caption") == made.get("caption")
        records.append(before if same and before else made)
    put(folder, records, {**about, "replies": replies.header, "splitter": splitting.splitter()})
    return Counter(tag for record in records for tag in (record["status"], *record.get("flags", [])))


def _record(
    captioner: str, picture: Picture, reply: Score, folder: Path, data: bytes | None
) -> dict[str, Any]:
    """A record, and its picture in the folder: linked, or written from `data`; none if it has an address."""
    record: dict[str, Any] = {
        "captioner": captioner,
        "image_name": picture.name,
        "image_source": picture.source,
        "domain": picture.domain,
        "status": STATUS.get(reply.status, reply.status),
    }
    if picture.url:
        record["image_url"] = picture.url
    elif picture.file:
        record["image"] = f"images/{_safe(picture.source)}/{_safe(picture.name)}{picture.file.suffix.lower()}"
        if not (folder / record["image"]).exists():
            link_or_copy(picture.file, folder / record["image"])
    elif data is not None:
        kind = check_picture(data).lower()
        record["image"] = f"images/{_safe(picture.source)}/{_safe(picture.name)}.{kind}"
        (folder / record["image"]).parent.mkdir(parents=True, exist_ok=True)
        write_atomically(folder / record["image"], data)
    if reply.status != "ok":
        return {**record, "reply": reply.raw, "sentences": []}
    caption = asking.answer(reply.raw)
    cut = splitting.cut(caption)
    return {**record, "caption": caption, "sentences": cut, "flags": asking.flags(caption)}


def _safe(text: str) -> str:
    return "".join(char if char.isalnum() or char in "-_ ." else "_" for char in text).lstrip(".") or "_"


def read(folder: Path) -> list[dict[str, Any]]:
    """The records of a collection; none if there is no such folder yet."""
    path = folder / CAPTIONS_FILE
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def put(folder: Path, records: Iterable[Mapping[str, Any]], about: Mapping[str, Any]) -> None:
    """Write records and what is needed to repeat them, each file whole or not at all."""
    lines = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)
    write_atomically(folder / CAPTIONS_FILE, lines.encode("utf-8", "backslashreplace"))
    text = json.dumps(about, ensure_ascii=False, indent=1, default=str)
    write_atomically(folder / ABOUT_FILE, text.encode("utf-8", "backslashreplace"))
