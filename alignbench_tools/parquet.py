"""Rows to Parquet in which a picture is stored once, not once for each of its sentences.

A sentence table repeats every picture up to 44 times. Here all rows of a picture stand together in one row
group, and the group's dictionary page holds each distinct picture once. A reader expands the group, so its
size *as read* is what is limited; `benchmarks/push_size.py` measures both.
"""

from __future__ import annotations

import hashlib
import inspect
import itertools
import json
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

import datasets
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

# The Hub's viewer refuses row groups over 286 MiB as read and advises 100 to 300 MB. One group is one file:
# pyarrow reads ahead over the groups of a file, so the first row of a stream would cost several of them.
GROUP_BYTES = 128 << 20
GROUP_ROWS = 20_000
PICTURE_BYTES = 32 << 20
_DICTIONARY_BYTES = 256 << 20
_SORT_KEYS = ("image_source", "image_id", "captioner", "position")


class PictureTooLargeError(ValueError):
    """A picture over `PICTURE_BYTES`: a caption of it could outgrow what the viewer reads."""


@dataclass(frozen=True)
class DataFile:
    """One written Parquet file: its name in the repository and what is in it.

    `nbytes` is its size on disk, `read_bytes` in memory as read, `labels` the sentences of each label.
    """

    name: str
    nbytes: int
    read_bytes: int
    sha256: str
    rows: int
    labels: dict[str, int]


def write_config(
    table: pa.Table,
    features: datasets.Features,
    folder: Path,
    config: str,
    *,
    split: str = "test",
    embed_urls: bool = False,
    group_bytes: int = GROUP_BYTES,
) -> Iterator[DataFile]:
    """Write `table` as `folder/config/split-00000-of-0000N.parquet`, one row group a file, yielding each.

    Rows come out ordered by picture, captioner and position, whatever their order was. Pictures that have an
    `image_url` become null unless `embed_urls`; the others are embedded, original bytes. Raises
    PictureTooLargeError, and FileNotFoundError for a picture's path that is gone.
    """
    keys = [(key, "ascending") for key in _SORT_KEYS if key in table.column_names]
    table = table.take(pc.sort_indices(table, sort_keys=keys))
    pictures = _Pictures(table, embed_urls)
    columns = table.drop_columns(["image"])
    groups = _groups(columns, pictures, group_bytes)
    (folder / config).mkdir(parents=True, exist_ok=True)
    for number, (start, stop) in enumerate(groups):
        rows = columns.slice(start, stop - start)
        rows = rows.append_column("image", pictures.array(start, stop))
        rows = rows.select(list(features)).cast(_schema(features))
        name = f"{config}/{split}-{number:05d}-of-{len(groups):05d}.parquet"
        _write(rows, folder / name)
        yield _described(rows, features, folder, name)


def _schema(features: datasets.Features) -> pa.Schema:
    """Arrow schema whose metadata carry the features in the notation that all `datasets` from 2.21 read."""
    metadata = {"info": {"features": _old_notation(features.to_dict())}}
    return features.arrow_schema.with_metadata({"huggingface": json.dumps(metadata)})


def _old_notation(node: Any) -> Any:
    """`List` is unknown before datasets 4, where a list is written `[...]` around what it holds."""
    if isinstance(node, list):
        return [_old_notation(child) for child in node]
    if not isinstance(node, dict):
        return node
    if node.get("_type") == "List":
        return [_old_notation(node["feature"])]
    return {key: _old_notation(child) for key, child in node.items()}


class _Pictures:
    """The picture of each row of a sorted table, read when its group is written."""

    def __init__(self, table: pa.Table, embed_urls: bool):
        self._column = table["image"]
        # Two sources may name different pictures alike.
        self._ids = list(zip(table["image_source"].to_pylist(), table["image_id"].to_pylist(), strict=True))
        embedded = self._column.is_valid().to_numpy(zero_copy_only=False)
        if not embed_urls:
            embedded &= ~table["image_url"].is_valid().to_numpy(zero_copy_only=False)
        self._embedded = embedded
        self.starts = [
            row for row in range(len(self._ids)) if row == 0 or self._ids[row] != self._ids[row - 1]
        ]

    def size(self, row: int) -> int:
        """Bytes of the row's picture, 0 if it has none."""
        if not self._embedded[row]:
            return 0
        picture = self._column[row]
        content, path = picture["bytes"], picture["path"].as_py()
        size = len(content.as_buffer()) if content.is_valid else os.path.getsize(path)
        if size > PICTURE_BYTES:
            name = "/".join(map(str, self._ids[row]))
            raise PictureTooLargeError(
                f"picture {name} ({path or 'embedded'}): expected at most {PICTURE_BYTES:,} bytes, "
                f"got {size:,}; make it smaller, or take it out of the release so that its rows have none"
            )
        return size

    def array(self, start: int, stop: int) -> pa.Array:
        """Images of the rows [start, stop): content and bare file name, null where there is none."""
        places: dict[str | bytes, int] = {}
        contents: list[bytes] = []
        names: list[str | None] = []
        indices: list[int | None] = []
        for row in range(start, stop):
            if not self._embedded[row]:
                indices.append(None)
                continue
            picture = self._column[row].as_py()
            content, path = picture["bytes"], picture["path"]
            key = path if content is None else content
            if key not in places:
                places[key] = len(contents)
                contents.append(Path(path).read_bytes() if content is None else content)
                # Only a name: `datasets` opens what lies at a path before it looks at the bytes.
                names.append(PurePath(path).name if path else None)
            indices.append(places[key])
        rows = pa.array(indices, pa.int32())
        return pa.StructArray.from_arrays(
            [pa.array(contents, pa.binary()).take(rows), pa.array(names, pa.string()).take(rows)],
            names=["bytes", "path"],
            mask=rows.is_null(),
        )


def _groups(columns: pa.Table, pictures: _Pictures, group_bytes: int) -> list[tuple[int, int]]:
    """Bounds of the row groups: between two pictures, unless one picture's rows alone are too many."""
    text = columns.nbytes / max(columns.num_rows, 1)
    starts = [*pictures.starts, columns.num_rows]
    cuts, held, first = [0], 0.0, 0
    for start, stop in itertools.pairwise(starts):
        row = max(pictures.size(at) for at in range(start, stop)) + text
        fits = max(1, min(GROUP_ROWS, int(group_bytes / row)))
        if held and (held + row * (stop - start) > group_bytes or stop - first > GROUP_ROWS):
            cuts.append(start)
            held, first = 0.0, start
        for cut in range(start + fits, stop, fits):
            cuts.append(cut)
            held, first = 0.0, cut
        held += row * (stop - max(start, first))
    return list(zip(cuts, [*cuts[1:], columns.num_rows], strict=True))


def _write(rows: pa.Table, path: Path) -> None:
    # JPEG and PNG do not shrink any more, and left alone an unchanged picture is the same run of bytes.
    codecs = {name: "none" if name == "image.bytes" else "snappy" for name in _leaves(rows.schema)}
    options: dict[str, Any] = {}
    if "use_content_defined_chunking" in inspect.signature(pq.ParquetWriter).parameters:
        options["use_content_defined_chunking"] = True
    partial = path.with_suffix(".partial")
    pq.write_table(
        rows,
        partial,
        row_group_size=max(rows.num_rows, 1),
        compression=codecs,
        dictionary_pagesize_limit=_DICTIONARY_BYTES,
        write_page_index=True,
        **options,
    )
    os.replace(partial, path)


def _leaves(schema: pa.Schema) -> list[str]:
    """Parquet's names of the leaf columns, e.g. `spans.list.element.start`."""
    sink = pa.BufferOutputStream()
    pq.write_table(schema.empty_table(), sink)
    leaves = pq.ParquetFile(sink.getvalue()).schema
    return [leaves.column(number).path for number in range(len(leaves))]


def _described(rows: pa.Table, features: datasets.Features, folder: Path, name: str) -> DataFile:
    path = folder / name
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    labels = Counter(_labels(rows).to_pylist())
    names = _label_feature(features).names
    return DataFile(
        name=name,
        nbytes=path.stat().st_size,
        read_bytes=rows.nbytes,
        sha256=digest.hexdigest(),
        rows=rows.num_rows,
        labels={label: labels.get(number, 0) for number, label in enumerate(names)},
    )


def _labels(rows: pa.Table) -> pa.ChunkedArray:
    if "label" in rows.column_names:
        return rows["label"]
    return pc.struct_field(pc.list_flatten(rows["sentences"]), "label")


def _label_feature(features: datasets.Features) -> datasets.ClassLabel:
    if "label" in features:
        return features["label"]
    sentences = features["sentences"]
    # A list of structs: `List({...})` from datasets 4 on, `[{...}]` before.
    return (sentences[0] if isinstance(sentences, list) else sentences.feature)["label"]
