"""`alignbench demo`: from rows to AUROC on the embedded sample, with two detectors that are blind."""

import argparse
from typing import Any

import alignbench_auroc
import evaluate
from datasets import Dataset, load_dataset

import alignbench  # noqa: F401 - registers the names

# They never look at the picture: the floor that any detector must beat. Captioners tend to err later in a
# caption, and in longer sentences.
CONTROLS = {
    "sentence position": lambda rows: [-position for position in rows["position"]],
    "sentence length": lambda rows: [-len(sentence.split()) for sentence in rows["sentence"]],
}


def add_parser(verbs: Any) -> None:
    """Add the verb to `verbs`."""
    parser = verbs.add_parser("demo", help="the AUROC of two blind detectors on the embedded sample")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Load the sample, score it, print the table."""
    dataset = load_dataset("alignbench", "sample", split="test")
    print(table(dataset))
    return 0


def table(dataset: Dataset) -> str:
    """AUROC per captioner and their mean, in percent, a line per control detector."""
    rows = dataset.select_columns(["position", "sentence"])
    metric = evaluate.load("alignbench_auroc", "diagnostics")
    results = {
        name: metric.compute(predictions=score(rows), **alignbench_auroc.columns(dataset))
        for name, score in CONTROLS.items()
    }
    return str(results)
