"""Which detectors may be set side by side, and whose AUROC differs from the best by more than chance."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from alignbench_auroc import Result, check_columns, rank_detectors
from alignbench_auroc.signature import differences

from alignbench_tools.reporting.data import Data
from alignbench_tools.reporting.inputs import Entry

MEAN = "mean"


class Comparisons(NamedTuple):
    """`apart`: {row name: what its signature says otherwise than most}; these compare with no other row.
    `p`: {captioner or "mean": {row name: p of its difference from the best, Holm-corrected}}.
    `ranks`: {row name: (rank, lowest, highest)} by the mean. `signature`: what the others agree in."""

    apart: dict[str, list[str]]
    p: dict[str, dict[str, float]]
    ranks: dict[str, tuple[int, float, float]]
    signature: Mapping[str, Any]


def compare(entries: Sequence[Entry], data: Data | None, missing: str) -> Comparisons:
    """Compare every entry with the best one of each column, on the same draws of images.

    The p-values are `rank_detectors`': the two-sided paired cluster bootstrap's, by Holm's method corrected
    for all pairs of detectors in the column, as the best one is only known from the data.
    """
    signature, apart = shared_signature(entries)
    together = {
        entry.name: entry.scores
        for entry in entries
        if entry.name not in apart and entry.scores is not None and math.isfinite(entry.result["auroc"])
    }
    if data is None or len(together) < 2:
        return Comparisons(apart, {}, {}, signature)
    first = next(entry for entry in entries if entry.name in together)
    captioners = list(first.result["captioners"])
    rows = data.rows_of(captioners)
    ranking = rank_detectors(
        {name: scores[rows] for name, scores in together.items()},
        data.sentences_of(captioners),
        missing=missing,
    )
    p = {MEAN: _against_best(ranking)}
    p |= {name: _on(data.rows_of([name]), together, data, missing) for name in captioners}
    ranks = {
        name: (cells["rank"], cells["rank_low"], cells["rank_high"])
        for name, cells in ranking["detectors"].items()
    }
    return Comparisons(apart, p, ranks, signature)


def shared_signature(entries: Sequence[Entry]) -> tuple[Mapping[str, Any], dict[str, list[str]]]:
    """The signature that most entries have, and what the others have otherwise.

    Of equally frequent ones that of most sentences, then the first, counts.
    """
    alike = [next(other for other in entries if not _differ(entry, other)) for entry in entries]
    number = Counter(entry.name for entry in alike)
    most = max(alike, key=lambda entry: (number[entry.name], entry.result.signature.get("n", 0)))
    apart = {
        entry.name: _differ(entry, most)
        for entry, first in zip(entries, alike, strict=True)
        if first is not most
    }
    return most.result.signature, apart


def _differ(entry: Entry, other: Entry) -> list[str]:
    return differences(entry.result.signature, other.result.signature)


def _on(rows: np.ndarray, detectors: Mapping[str, np.ndarray], data: Data, missing: str) -> dict[str, float]:
    """p-values against the best on one captioner's `rows`; none where a class is missing."""
    labels = data.sentences.labels[rows]
    if not {0, 1} <= set(labels.tolist()):
        return {}
    sentences = check_columns(labels, image_id=data.table["image_id"].take(pa.array(rows)))
    return _against_best(
        rank_detectors({name: s[rows] for name, s in detectors.items()}, sentences, missing=missing)
    )


def _against_best(ranking: Result) -> dict[str, float]:
    """Holm's p of each detector's difference from the first of the ranking."""
    best = next(iter(ranking["detectors"]))
    return {pair["b"]: pair["p_holm"] for pair in ranking["pairs"] if pair["a"] == best}
