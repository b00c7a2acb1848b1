"""`alignbench load`: build the dataset, print the report and a summary of its rows."""

import argparse
from typing import Any

import datasets
import pyarrow.compute as pc

import alignbench
from alignbench_tools import release


def add_parser(verbs: Any) -> None:
    """Add the verb to `verbs`."""
    parser = verbs.add_parser("load", help="build the dataset and report on it")
    parser.add_argument("config", nargs="?", default="sentences", choices=["sentences", "captions", "sample"])
    parser.add_argument("--images", default="auto", choices=["auto", "release", "skip", "require"])
    parser.add_argument("--retry", action="store_true", help="try again the pictures that could not be had")
    parser.add_argument("--report", metavar="FILE", help="write the whole report there as JSON")
    release.add_options(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Load, print, save; 0 even where pictures are missing, for that is normal."""
    dataset = release.load(args, args.config, args.images, args.retry)
    report = alignbench.report(dataset)
    print(report)
    if args.report:
        report.save(args.report)
    print()
    print(captions_summary(dataset) if args.config == "captions" else sentences_summary(dataset))
    return 0


def sentences_summary(dataset: datasets.Dataset) -> str:
    """A line per captioner: pictures, sentences, labels, spans."""
    table = dataset.data.table
    lines = [
        f"{'captioner':<16}{'pictures':>10}{'sentences':>11}{'correct':>9}{'incorrect':>11}{'unknown':>9}{'spans':>8}"
    ]
    for captioner in pc.unique(table["captioner"]).to_pylist():
        rows = table.filter(pc.equal(table["captioner"], captioner))
        label = rows["label"].to_pylist()
        counts = {name: label.count(index) for index, name in enumerate(alignbench.LABELS)}
        pictures = pc.count_distinct(rows["image_id"]).as_py()
        spans = pc.sum(pc.list_value_length(rows["spans"])).as_py() or 0
        lines.append(
            f"{captioner:<16}{pictures:>10,}{rows.num_rows:>11,}{counts['correct']:>9,}"
            f"{counts['incorrect']:>11,}{counts['unknown']:>9,}{spans:>8,}"
        )
    return "\n".join(lines)


def captions_summary(dataset: datasets.Dataset) -> str:
    """A line per captioner: captions and their mean number of sentences."""
    table = dataset.data.table
    lines = [f"{'captioner':<16}{'captions':>10}{'sentences each':>16}"]
    for captioner in pc.unique(table["captioner"]).to_pylist():
        rows = table.filter(pc.equal(table["captioner"], captioner))
        each = pc.mean(pc.list_value_length(rows["sentences"])).as_py()
        lines.append(f"{captioner:<16}{rows.num_rows:>10,}{each:>16.1f}")
    return "\n".join(lines)
