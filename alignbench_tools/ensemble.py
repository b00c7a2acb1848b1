"""`alignbench ensemble A B`: the scores of detectors averaged, sentence by sentence."""

import argparse
import datetime
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc
from alignbench_auroc.ensembles import combine

import alignbench
from alignbench_tools import scores
from alignbench_tools.scores import Score, Scores

METHODS = {"mean": "raw", "zscore": "zscore", "rank": "rank"}
# Beyond this ratio of standard deviations a plain mean is one member's opinion.
UNEVEN = 10


def add_parser(verbs: Any) -> None:
    """Add the verb to `verbs`."""
    parser = verbs.add_parser("ensemble", help="average the scores of several detectors")
    parser.add_argument("scores", nargs="+", type=Path, metavar="SCORES", help="two or more scores files")
    parser.add_argument(
        "--how",
        choices=METHODS,
        default="mean",
        help="mean of the scores as they are (as in the paper), of z-scores, or of ranks",
    )
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--name", help="the ensemble's name in tables")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Average, write, count; a note where one member outweighs the others by its scale alone."""
    members = [scores.read(path) for path in args.scores]
    together = ensemble(members, args.how, args.name)
    scores.write(together, args.out)
    counts = ", ".join(f"{number:,} {status}" for status, number in together.counts().items())
    print(f"{args.out}: {together.detector}: {counts}")
    spreads = {member.detector: pc.stddev(member.table["score"]).as_py() or 0.0 for member in members}
    if args.how == "mean" and max(spreads.values()) > UNEVEN * min(spreads.values()):
        listed = ", ".join(f"{detector} {spread:.3g}" for detector, spread in spreads.items())
        print(
            f"note: the members' scores are of different scales (standard deviations: {listed}); "
            "the mean follows the widest. --how zscore or rank weighs them alike"
        )
    return 0


def ensemble(members: Sequence[Scores], how: str = "mean", name: str | None = None) -> Scores:
    """The mean of the members' scores: as they are ("mean"), as z-scores or as midranks in (0, 1] ("rank"),
    which are taken over the sentences that all members scored.

    A sentence that a member did not score has none here either, with that member's status. Raises ValueError
    for fewer than two members, two that are the same, and members of different data or sentences.
    """
    if how not in METHODS:
        raise ValueError(f"expected one of {', '.join(METHODS)}, got {how!r}")
    if len(members) < 2:
        raise ValueError(f"an ensemble has at least two members, got {len(members)}")
    ids = members[0].table["id"]
    for member in members[1:]:
        _check_joinable(members[0], member)
    columns = np.stack([member.aligned(ids) for member in members])
    scored = np.isfinite(columns).all(axis=0)
    values = np.full(len(ids), np.nan)
    if scored.any():
        values[scored] = combine(columns[:, scored], METHODS[how])
    statuses = _statuses(members, ids.to_pylist())
    rows = [
        Score(key, float(value)) if status == "ok" else Score(key, None, status, f"no score from {by}")
        for key, value, (status, by) in zip(ids.to_pylist(), values, statuses, strict=True)
    ]
    return Scores.from_rows(_header(members, how, name), rows, "ensemble")


def _check_joinable(first: Scores, other: Scores) -> None:
    data = {"data": other.header.get("data")}
    scores.check_same({"data": first.header.get("data")}, data, f"{first.name} and {other.name}")
    mine, others = set(first.table["id"].to_pylist()), set(other.table["id"].to_pylist())
    if mine != others:
        example = min(mine ^ others)
        raise ValueError(
            f"{first.name} has {len(mine):,} sentences and {other.name} {len(others):,}, and "
            f"{len(mine ^ others):,} are in one only, such as {example!r}; score the same sentences with both"
        )


def _statuses(members: Sequence[Scores], ids: list[str]) -> list[tuple[str, str]]:
    """For each id "ok", or the first status that is not, and whose it is."""
    found = {key: ("ok", "") for key in ids}
    for member in reversed(members):
        for row in member.rows():
            if row.status != "ok":
                found[row.id] = (row.status, member.detector)
    return [found[key] for key in ids]


def _header(members: Sequence[Scores], how: str, name: str | None) -> dict[str, Any]:
    parts = [
        {key: member.header.get(key) for key in (*scores.IDENTITY, "model_version", "date")}
        for member in members
    ]
    own = sorted({captioner for member in members for captioner in member.header.get("own_captioners") or []})
    digest = hashlib.sha256(repr(parts).encode()).hexdigest()[:16]
    now = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
    return {
        "detector": name or " + ".join(member.detector for member in members),
        "model": "ensemble",
        "protocol": f"ensemble-{how}",
        "protocol_digest": digest,
        "parameters": {"how": how, "members": parts},
        "data": members[0].header.get("data"),
        "date": now,
        "versions": {"alignbench": alignbench.__version__},
        "own_captioners": own,
    }
