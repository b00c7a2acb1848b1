"""Pictures of rows, for the page: bytes and media type, and nothing that is no picture."""

import base64
import hashlib
import io
from pathlib import Path
from typing import Any

import datasets
from PIL import Image, UnidentifiedImageError

# What a page may hold: browsers grow slow and mail servers refuse beyond.
PAGE_BYTES = 64 << 20


class Pictures:
    """The pictures of a dataset with a column ``image``, by row number; safe to use from several threads."""

    def __init__(self, rows: datasets.Dataset) -> None:
        self._rows = rows.select_columns("image").cast_column("image", datasets.Image(decode=False))

    def __len__(self) -> int:
        return self._rows.num_rows

    def get(self, row: int) -> tuple[str, bytes] | None:
        """Media type and original bytes; None for a row without picture, or that there is not.

        A file that is gone since, or is no picture that Pillow knows, counts as none.
        """
        if not 0 <= row < len(self):
            return None
        try:
            data = _bytes(self._rows[row]["image"])
            if data is None:
                return None
            with Image.open(io.BytesIO(data)) as picture:
                kind = picture.get_format_mimetype()  # type: ignore[attr-defined]
        except (OSError, UnidentifiedImageError, Image.DecompressionBombError):
            return None
        return (kind, data) if kind and kind.startswith("image/") else None


def _bytes(cell: dict[str, Any] | None) -> bytes | None:
    if cell is None:
        return None
    if cell["bytes"] is not None:
        return cell["bytes"]
    return Path(cell["path"]).read_bytes() if cell["path"] else None


def embed(columns: dict[str, Any], pictures: Pictures, limit: int = PAGE_BYTES) -> dict[str, Any]:
    """`columns` with each distinct picture once, as data URLs, under ``pictures``.

    Raises ValueError as soon as they outgrow `limit` bytes.
    """
    urls: list[str] = []
    known: dict[bytes, int] = {}
    numbers: list[int] = []
    size = 0
    for row in columns["captions"]["picture"]:
        found = pictures.get(row)
        if found is None:
            numbers.append(-1)
            continue
        kind, data = found
        digest = hashlib.sha256(data).digest()
        if digest not in known:
            known[digest] = len(urls)
            urls.append(f"data:{kind};base64,{base64.b64encode(data).decode()}")
            size += len(urls[-1])
        if size > limit:
            raise ValueError(
                f"one page holds pictures of up to {limit >> 20} MB, and these {len(pictures):,} captions "
                "have more; leave out --out, which serves them, or narrow with --captioners or --images skip"
            )
        numbers.append(known[digest])
    return {**columns, "captions": {**columns["captions"], "picture": numbers}, "pictures": urls}
