"""`alignbench evaluate SCORES`: the metric's result for scores files."""

import argparse
from pathlib import Path
from typing import Any

import alignbench_auroc
import datasets
from alignbench_auroc import Result
from alignbench_auroc.localization import localization

from alignbench_tools import release, scores
from alignbench_tools.captions import Captions
from alignbench_tools.scores import Scores


def add_parser(verbs: Any) -> None:
    """Add the verb to `verbs`."""
    parser = verbs.add_parser("evaluate", help="AUROC and diagnostics of scores")
    parser.add_argument(
        "scores", nargs="+", type=Path, metavar="SCORES", help="scores files, .jsonl or .parquet"
    )
    parser.add_argument(
        "--out", type=Path, metavar="JSON", help="save the result, for `compare` and `report`"
    )
    add_metric_options(parser)
    release.add_options(parser, sample=True)
    parser.set_defaults(run=run)


def add_metric_options(parser: argparse.ArgumentParser) -> None:
    """The metric's options; `metric_options` reads them."""
    group = parser.add_argument_group("metric")
    group.add_argument(
        "--missing",
        choices=["error", "worst", "drop"],
        default="error",
        help="a sentence without score: an error, held against the detector, or left out",
    )
    group.add_argument("--interval", choices=["analytic", "bootstrap", "bca", "none"], default="analytic")
    group.add_argument("--confidence", type=float, default=0.95)
    group.add_argument("--replicates", type=int, default=1000, help="of the bootstraps")
    group.add_argument("--seed", type=int, default=0, help="of the bootstraps")
    group.add_argument(
        "--own", nargs="+", metavar="CAPTIONER", help="captioners that are the detector's own model"
    )


def metric_options(args: argparse.Namespace) -> dict[str, Any]:
    """What `args` says, as options of `alignbench_auroc.diagnose`."""
    interval = None if args.interval == "none" else args.interval
    names = ("missing", "confidence", "replicates", "seed")
    return {**{name: getattr(args, name) for name in names}, "interval": interval}


def run(args: argparse.Namespace) -> int:
    """Print the result of each file; --out is for one file."""
    if args.out and len(args.scores) > 1:
        raise ValueError(
            f"--out {args.out}: one result goes into one file; evaluate one scores file at a time"
        )
    rows = release.load_sentences(args, "skip")
    for number, path in enumerate(args.scores):
        found = scores.read(path)
        result = evaluate(found, rows, args.own, **metric_options(args))
        if number:
            print()
        print(summary(found, result))
        place = places(found, rows)
        if place:
            print(
                f"words: average precision {place['average_precision']:.4f} "
                f"(prevalence {place['prevalence']:.4f}), character F1 {place['character_f1']:.4f}"
            )
        if args.out:
            result.save(args.out)
    return 0


def evaluate(found: Scores, rows: datasets.Dataset, own: list[str] | None = None, **options: Any) -> Result:
    """The metric's diagnostics of `found` on `rows`.

    `own` are the detector's own captioners, by default those of the header that `rows` have. Captioners that
    the file does not have a single sentence of are left out.

    Raises ValueError if the scores are of other data, or by `missing="error"` if some are missing.
    """
    scores.check_data(found, Captions(rows).data)
    rows = only_captioners(rows, set(map(scores.captioner_of, found.table["id"].to_pylist())))
    captioners = set(rows.unique("captioner"))
    own = (
        own
        if own is not None
        else [name for name in found.header.get("own_captioners") or [] if name in captioners]
    )
    ids = rows.select_columns("id").with_format("arrow")[:]["id"]
    values = found.aligned(ids)
    columns = alignbench_auroc.columns(rows)
    _check_missing(found, values, columns["references"].to_numpy(), options.get("missing", "error"))
    return alignbench_auroc.diagnose(values, **columns, own_captioners=own or None, **options)


def only_captioners(rows: datasets.Dataset, captioners: set[str]) -> datasets.Dataset:
    """The rows of those captioners; ValueError if there is none."""
    names = rows.select_columns("captioner").with_format("arrow")[:]["captioner"].to_pylist()
    kept = [row for row, name in enumerate(names) if name in captioners]
    if not kept:
        raise ValueError(
            f"the scores are of {', '.join(sorted(captioners)) or 'no captioner'}, the data of "
            f"{', '.join(dict.fromkeys(names))}; give the release that was scored"
        )
    return rows if len(kept) == len(names) else rows.select(kept)


def _check_missing(found: Scores, values: Any, labels: Any, policy: str) -> None:
    missing = int(((values != values) & (labels != 2)).sum())
    if missing and policy == "error":
        counts = ", ".join(f"{number:,} {status}" for status, number in found.counts().items())
        raise ValueError(
            f"{found.name}: {missing:,} labelled sentences have no score (in the file: {counts}); "
            "--missing worst holds them against the detector, --missing drop leaves them out, and "
            "`alignbench score` asks again what failed or was never asked"
        )


def places(found: Scores, rows: datasets.Dataset) -> dict[str, Any] | None:
    """How well the words held to be wrong agree with the annotated spans; None if no words are given."""
    if found.table["spans"].null_count == len(found):
        return None
    rows = only_captioners(rows, set(map(scores.captioner_of, found.table["id"].to_pylist())))
    table = rows.select_columns(["id", "sentence", "spans", "captioner"]).with_format("arrow")[:]
    texts, spans, captioner = (table[name].to_pylist() for name in ("sentence", "spans", "captioner"))
    return localization(texts, spans, predicted_spans=found.spans(table["id"]), captioner=captioner)


def summary(found: Scores, result: Result) -> str:
    """The result as a table, headed by what was asked."""
    asked = [found.header.get("protocol"), found.header.get("model_version"), found.header.get("date")]
    return "\n".join([" | ".join([found.detector, *(str(part) for part in asked if part)]), repr(result)])
