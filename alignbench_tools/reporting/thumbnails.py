"""Pictures of a few sentences, small, as data URLs; only these are looked for."""

import argparse
import base64
import io
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import datasets
import pyarrow as pa
from PIL import Image, ImageOps

import alignbench
from alignbench_tools import release
from alignbench_tools.reporting.data import config_of

SIDE = 320
QUALITY = 80

logger = logging.getLogger(__name__)


class Thumbnails(NamedTuple):
    """`urls`: {id of a sentence: data URL} of what could be had; `outcomes`: how many distinct pictures are
    "available", and how many are not, by reason."""

    urls: dict[str, str]
    outcomes: dict[str, int]


def fetch(args: argparse.Namespace, ids: Sequence[str]) -> Thumbnails:
    """The pictures of the sentences `ids`, from where `args` says that pictures are."""
    if args.images == "skip" or not ids:
        return Thumbnails({}, {})
    config = config_of(args)
    builder = datasets.load_dataset_builder(
        "alignbench", config, images=args.images, **release.arguments(args)
    )
    folder, _, pictures = builder._source(datasets.DownloadManager())
    found = alignbench._read_release(folder, builder.config.captioners, False)
    places = pictures.places(found.table, found.paths)
    number = {name: row for row, name in enumerate(found.table["id"].to_pylist())}
    rows = [number[name] for name in ids]
    report = alignbench.Report(source=str(folder))
    table = pictures.attach(
        found.table.take(pa.array(rows)), [places[row] for row in rows], found.lines[rows].tolist(), report
    )
    files = {cell["path"] for cell in table["image"].to_pylist() if cell}
    small = {path: thumbnail(Path(path)) for path in files}
    urls = {}
    for name, cell in zip(ids, table["image"].to_pylist(), strict=True):
        url = small[cell["path"]] if cell else None
        if url:
            urls[name] = url
    return Thumbnails(urls, report.pictures)


def thumbnail(path: Path, side: int = SIDE) -> str | None:
    """The picture in `path`, at most `side` pixels wide and high, as a data URL; None if it is none."""
    try:
        with Image.open(path) as picture:
            picture.draft("RGB", (side, side))
            upright = ImageOps.exif_transpose(picture).convert("RGBA")
            small = ImageOps.contain(upright, (side, side)) if max(upright.size) > side else upright
            page = Image.new("RGB", small.size, "white")
            page.paste(small, mask=small.getchannel("A"))
    except (OSError, ValueError, Image.DecompressionBombError) as error:
        logger.warning("no thumbnail of %s: %s", path, error)
        return None
    out = io.BytesIO()
    page.save(out, "JPEG", quality=QUALITY, optimize=True)
    return f"data:image/jpeg;base64,{base64.b64encode(out.getvalue()).decode()}"
