"""Captions as the viewer's page takes them: columns of codes and texts, sent once and filtered there.

At full size (14,200 captions, 98,000 sentences) this is some 14 MB of JSON: filtering it in the browser
takes less than asking a server would, and the same text is what a one-file page embeds.
"""

from typing import Any

import datasets
import pyarrow as pa
import pyarrow.compute as pc

import alignbench


def columns(captions: datasets.Dataset, source: str) -> dict[str, Any]:
    """What the page shows of rows of config ``captions``; `source` says where they come from.

    ``names`` holds the names that codes stand for; ``captions`` and ``sentences`` a list per field. Caption n
    has the sentences ``first[n]`` up to, not with, ``first[n + 1]``. ``picture`` is the number to ask the
    picture of, -1 without one. ``types`` is a set of bits. A span is [start, end, code of its type or -1],
    in code points.

    Raises ValueError for rows that are no captions, and for a span that is not in its sentence.
    """
    missing = sorted(set(alignbench.features("captions")) - set(captions.column_names))
    if missing:
        raise ValueError(
            f"expected rows of config 'captions', got rows without {', '.join(missing)}; "
            "load the config 'captions'"
        )
    with_picture = _with_picture(captions)
    table = captions.remove_columns("image").with_format("arrow")[:]
    captioner_names, captioner = _coded(table["captioner"])
    domain_names, domain = _coded(table["domain"])
    source_names, image_source = _coded(table["image_source"])
    ids = table["id"].to_pylist()
    return {
        "source": source,
        "names": {
            "captioner": captioner_names,
            "label": list(alignbench.LABELS),
            "type": list(alignbench.HALLUCINATION_TYPES),
            "domain": domain_names,
            "direction": list(alignbench.DIRECTIONS),
            "source": source_names,
        },
        "captions": {
            "id": ids,
            "image": table["image_id"].to_pylist(),
            "captioner": captioner,
            "domain": domain,
            "direction": table["direction"].to_pylist(),
            "source": image_source,
            "url": table["image_url"].to_pylist(),
            "picture": [row if present else -1 for row, present in enumerate(with_picture)],
        },
        "sentences": _sentences(table["sentences"], ids),
    }


def _with_picture(captions: datasets.Dataset) -> list[bool]:
    """Whether each row has a picture, a batch in memory at a time: Parquet rows carry the bytes."""
    present: list[bool] = []
    for batch in captions.select_columns("image").with_format("arrow").iter(batch_size=256):
        present += pc.is_valid(batch["image"]).to_pylist()
    return present


def _coded(column: pa.ChunkedArray) -> tuple[list[str], list[int]]:
    """Names in order of first appearance, null as the last and empty one, and each row's code."""
    values = column.to_pylist()
    names = list(dict.fromkeys(value for value in values if value))
    if not all(values):
        names.append("")
    codes = {name: code for code, name in enumerate(names)}
    return names, [codes[value or ""] for value in values]


def _sentences(nested: pa.ChunkedArray, ids: list[str]) -> dict[str, Any]:
    first = [0]
    for number in pc.list_value_length(nested).to_pylist():
        first.append(first[-1] + number)
    flat = pc.list_flatten(nested)
    field = {
        name: pc.struct_field(flat, name).to_pylist()
        for name in (
            "id",
            "position",
            "sentence",
            "label",
            "hallucination_types",
            "spans",
            "votes",
            "agreement",
        )
    }
    return {
        "first": first,
        "position": field["position"],
        "text": field["sentence"],
        "label": field["label"],
        "types": [sum(1 << code for code in set(codes or ())) for codes in field["hallucination_types"]],
        "spans": [_spans(*row) for row in zip(field["id"], field["sentence"], field["spans"], strict=True)],
        "votes": [_votes(votes) for votes in field["votes"]],
        "agreement": [None if value is None else round(value, 3) for value in field["agreement"]],
    }


def _spans(name: str, sentence: str, spans: list[dict[str, Any]] | None) -> list[list[int]]:
    for span in spans or ():
        found = sentence[span["start"] : span["end"]]
        if found != span["text"]:
            raise ValueError(
                f"{name}: span {span['start']} to {span['end']}: expected {span['text']!r}, got {found!r} in "
                "the sentence; the rows were changed after alignbench built them, build them again"
            )
    return [[s["start"], s["end"], -1 if s["type"] is None else s["type"]] for s in spans or ()]


def _votes(votes: dict[str, int | None] | None) -> list[int] | None:
    """[incorrect, correct, unknown] votes as in `LABELS`; None where the release has none."""
    counts = [(votes or {}).get(label) for label in alignbench.LABELS]
    return None if all(count is None for count in counts) else [count or 0 for count in counts]
