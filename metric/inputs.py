"""The metric's input columns: from a `datasets.Dataset` without touching its pictures, and in batches."""

import numpy as np

from .checks import as_groups, as_labels, as_positions, as_scores, as_tags
from .sentences import TYPES

LABELS = ["incorrect", "correct", "unknown"]
SOURCES = {
    "references": "label",
    "captioner": "captioner",
    "image_id": "image_id",
    "position": "position",
    "hallucination_types": "hallucination_types",
    "domain": "domain",
}


def columns(dataset) -> dict:
    """Everything but the scores that `compute` takes, from a dataset with AlignBench's rows.

    Args:
        dataset: `datasets.Dataset`, config `sentences`; only `label` has to be there.

    Returns a dict of Arrow columns of length n (None where the dataset has no such column), keyed
    `references`, `captioner`, `image_id`, `position`, `hallucination_types`, `domain`. No picture is
    decoded and nothing is copied into Python objects. Raises ValueError if labels or types are coded
    in another way than AlignBench's, TypeError if `dataset` is no `Dataset`.
    """
    if not hasattr(dataset, "select_columns") or not hasattr(dataset, "__len__"):
        raise TypeError(
            f"expected a datasets.Dataset, got {type(dataset).__name__}; choose a split, and load it "
            "without streaming"
        )
    if "label" not in dataset.column_names:
        raise ValueError(f"expected a column 'label', got {dataset.column_names}; load config 'sentences'")
    _check_names("label", getattr(dataset.features["label"], "names", LABELS), LABELS)
    there = [source for source in SOURCES.values() if source in dataset.column_names]
    if "hallucination_types" in there:
        kind = dataset.features["hallucination_types"]
        kind = kind[0] if isinstance(kind, list) else getattr(kind, "feature", kind)
        _check_names("hallucination_types", getattr(kind, "names", list(TYPES)), list(TYPES))
    table = dataset.select_columns(there).with_format("arrow")[:]
    return {name: table[source] if source in there else None for name, source in SOURCES.items()}


def _check_names(column: str, names: list[str], expected: list[str]) -> None:
    if list(names) != expected:
        raise ValueError(f"column {column!r}: expected the classes {expected} in this order, got {names}")


def encode_batch(predictions, references, columns: dict) -> dict:
    """A checked batch as lists that evaluate's Arrow writer takes, nulls as "", -1 and [-1].

    Its writer fails on a string column that starts with None, and passes labels like 1.7 as 1.
    """
    labels = as_labels(references)
    n = len(labels)
    batch: dict = {"predictions": as_scores(predictions, n), "references": labels.astype(np.int64)}
    for name, values in columns.items():
        batch[name] = _transport(name, values, n)
    return batch


def _transport(name: str, values, n: int) -> list:
    if name == "position":
        positions = as_positions(values, n)
        return [-1] * n if positions is None else positions.tolist()
    if name == "hallucination_types":
        tags = as_tags(values, n)
        lists: list[list[int]] = [[-1] if tags is None else [] for _ in range(n)]
        for row, code in zip(*(tags or ((), ())), strict=True):
            lists[row].append(int(code))
        return lists
    groups = as_groups(name, values, n)
    return [""] * n if groups is None else [(*groups.names, "")[code] for code in groups.codes.tolist()]
