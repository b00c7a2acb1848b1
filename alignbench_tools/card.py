"""The dataset card, its parts that follow from the data, and the manifest.

The prose is written by hand in `dataset_card.md`. Between `<!-- begin NAME -->` and `<!-- end NAME -->`
stands what the push computes, and the front matter gets `configs`, `dataset_info` and `size_categories`.
"""

from __future__ import annotations

import hashlib
import json
import re
import site
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import datasets
import pyarrow as pa
import pyarrow.compute as pc
import yaml
from huggingface_hub import DatasetCardData

import alignbench
from alignbench_tools.parquet import DataFile
from alignbench_tools.verify import word_counts

_FRONT = re.compile(r"\A---\r?\n(.*?)\r?\n---\r?\n", re.S)
_SIZES = (
    ("n<1K", 10**3),
    ("1K<n<10K", 10**4),
    ("10K<n<100K", 10**5),
    ("100K<n<1M", 10**6),
    ("1M<n<10M", 10**7),
)


class CardError(ValueError):
    """A card that cannot be filled in; the message names what is missing."""


@dataclass(frozen=True)
class Config:
    """One config as it was written: its features and its files, in order."""

    name: str
    features: datasets.Features
    files: Sequence[DataFile]

    @property
    def rows(self) -> int:
        return sum(file.rows for file in self.files)


def template() -> str:
    """The text of `dataset_card.md`, from the repository or as it was installed."""
    name = "dataset_card.md"
    repository = Path(__file__).resolve().parent.parent
    installed = [Path(base) / "share" / "alignbench" for base in (sys.prefix, site.getuserbase())]
    places = [folder / name for folder in (repository, *installed)]
    for path in places:
        if path.is_file():
            return path.read_text(encoding="utf-8")
    raise FileNotFoundError(f"no dataset card at {' or '.join(map(str, places))}: install alignbench again")


def fill(text: str, configs: Sequence[Config], parts: Mapping[str, str]) -> str:
    """`text` with each of `parts` between its markers and the configs in the front matter.

    Raises CardError if the front matter or a part's markers are missing.
    """
    front = _FRONT.match(text)
    if not front:
        raise CardError("the card has no front matter: expected `---`, YAML, `---` at its start")
    metadata = _metadata(yaml.safe_load(front.group(1)) or {}, configs)
    body = text[front.end() :]
    for name, content in parts.items():
        between = re.compile(rf"(<!-- begin {name} -->\n).*?(<!-- end {name} -->)", re.S)
        found = between.search(body)
        if not found:
            raise CardError(
                f"the card has no part {name!r}: expected a line `<!-- begin {name} -->` and a later line "
                f"`<!-- end {name} -->`; put them back, or push with --card ours"
            )
        body = body[: found.start()] + found[1] + content.strip() + "\n" + found[2] + body[found.end() :]
    return f"---\n{metadata}\n---\n{body}"


def _metadata(given: dict[str, Any], configs: Sequence[Config]) -> str:
    """The front matter: what was given, with the keys that the data decide."""
    given = {key: value for key, value in given.items() if key not in ("configs", "dataset_info")}
    data = DatasetCardData(**given, ignore_metadata_errors=True)
    data.size_categories = [_size_category(max(config.rows for config in configs))]
    infos = {}
    globs: dict[str, dict[str, Any]] = {}
    for config in configs:
        nbytes = sum(file.nbytes for file in config.files)
        read = sum(file.read_bytes for file in config.files)
        # No `splits`: `datasets` holds its row counts against what `filters=` leaves over, and fails.
        infos[config.name] = datasets.DatasetInfo(
            features=config.features,
            download_size=nbytes,
            dataset_size=read,
            config_name=config.name,
        )
        path = f"{config.name}/test-*.parquet"
        globs[config.name] = {"data_files": [{"split": "test", "path": path}]}
    globs[configs[0].name]["default"] = True
    datasets.info.DatasetInfosDict(infos).to_dataset_card_data(data)
    datasets.utils.metadata.MetadataConfigs(globs).to_dataset_card_data(data)
    return data.to_yaml()


def _size_category(rows: int) -> str:
    return next((name for name, limit in _SIZES if rows < limit), "10M<n<100M")


def parts(table: pa.Table, configs: Sequence[Config], images: str) -> dict[str, str]:
    """The card's computed parts from the table of config `sentences` and the files as written."""
    return {
        "statistics": _statistics(table),
        "types": _types(table, configs[0].features),
        "files": _files(configs, images),
    }


def _statistics(table: pa.Table) -> str:
    words = pa.array(word_counts(table["sentence"]))
    table = table.select(["captioner", "image_source", "image_id", "label"]).append_column("words", words)
    lines = [
        "| captioner | captions | sentences | per caption | correct | words | unknown (left out) |",
        "|---|--:|--:|--:|--:|--:|--:|",
    ]
    lines += [
        _row(name, table.filter(pc.equal(table["captioner"], name)))
        for name in sorted(table["captioner"].unique().to_pylist())
    ]
    return "\n".join([*lines, _row("**all**", table)])


def _row(name: str, part: pa.Table) -> str:
    judged = part.filter(pc.not_equal(part["label"], alignbench.LABELS.index("unknown")))
    captions = judged.group_by(["captioner", "image_source", "image_id"]).aggregate([]).num_rows
    correct = pc.sum(pc.equal(judged["label"], alignbench.LABELS.index("correct"))).as_py() or 0
    n = judged.num_rows
    shares = (
        (f"{n / captions:.1f}", f"{100 * correct / n:.1f} %", f"{pc.mean(judged['words']).as_py():.1f}")
        if n
        else ("–", "–", "–")
    )
    return f"| {name} | {captions:,} | {n:,} | {' | '.join(shares)} | {part.num_rows - n:,} |"


def _types(table: pa.Table, features: datasets.Features) -> str:
    listed = features["hallucination_types"]
    kind = listed[0] if isinstance(listed, list) else listed.feature
    counts = pc.value_counts(pc.list_flatten(table["hallucination_types"])).to_pylist()
    found = sorted(
        ((c["counts"], kind.int2str(c["values"])) for c in counts if c["values"] is not None), reverse=True
    )
    lines = ["| hallucination type | sentences |", "|---|--:|", *(f"| {name} | {n:,} |" for n, name in found)]
    return "\n".join(lines)


def _files(configs: Sequence[Config], images: str) -> str:
    lines = ["| config | rows | files | on disk | as read |", "|---|--:|--:|--:|--:|"]
    for config in configs:
        disk = sum(file.nbytes for file in config.files) / 1e6
        read = sum(file.read_bytes for file in config.files) / 1e6
        lines.append(
            f"| `{config.name}` | {config.rows:,} | {len(config.files):,} | {disk:,.1f} MB | {read:,.1f} MB |"
        )
    said = {
        "release": "Embedded here: the generated pictures, which the release itself redistributes. Those of\n"
        "COCO and CC12M are not: `image` is null and `image_url` says where each was found.",
        "all": "Embedded here: every picture that could be had, those of COCO and CC12M included; who\n"
        "published this copy answers for their licences.",
    }
    return "\n".join([*lines, "", said[images]])


def manifest(texts: Mapping[str, str], configs: Sequence[Config], images: str, source: str) -> str:
    """JSON that says of every file what it is: sha256, bytes, and of data rows and sentences of each label.

    `texts` are the other files by name, the card among them: its digest tells the next push whether
    somebody edited the card since.
    """
    files = {
        file.name: {key: value for key, value in asdict(file).items() if key != "name"}
        for config in configs
        for file in config.files
    }
    files |= {name: digest(text.encode("utf-8")) for name, text in texts.items()}
    return json.dumps({"format": 1, "source": source, "images": images, "files": files}, indent=1) + "\n"


def digest(content: bytes) -> dict[str, Any]:
    """A file's entry in the manifest."""
    return {"nbytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
