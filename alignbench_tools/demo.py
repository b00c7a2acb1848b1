"""`alignbench demo`: from rows to AUROC on the embedded sample, with two detectors that are blind."""

import argparse
from typing import Any

import alignbench_auroc
from datasets import Dataset, load_dataset

import alignbench  # noqa: F401 - registers the names
from alignbench_tools.captions import Sentence
from alignbench_tools.detectors import controls

CONTROLS = {"sentence position": controls.position, "sentence length": controls.length}


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
    """AUROC of each control detector on every captioner, and their mean with its 95 % interval."""
    import evaluate  # takes half a second, which no other verb needs

    metric = evaluate.load("alignbench_auroc", "diagnostics")
    columns = alignbench_auroc.columns(dataset)
    sentences = list(map(Sentence, dataset["id"], dataset["sentence"]))
    results = [
        metric.compute(predictions=[control(sentence, 0) for sentence in sentences], **columns)
        for control in CONTROLS.values()
    ]
    captioners = list(results[0]["captioners"])
    lines = [f"{'AUROC':<20}" + "".join(f"{name:>8}" for name in captioners) + f"{'mean':>8}  95 % interval"]
    for name, result in zip(CONTROLS, results, strict=True):
        cells = [result["captioners"][captioner]["auroc"] for captioner in captioners]
        row = "".join(f"{cell:>8.3f}" for cell in [*cells, result["auroc"]])
        lines.append(f"{name:<20}{row}  {result['auroc_low']:.3f} to {result['auroc_high']:.3f}")
    first = results[0]
    lines.append(
        f"\n{first['n_correct']} correct and {first['n_incorrect']} incorrect sentences; "
        f"{first['n_unknown']} labelled unknown are left out. 0.500 is chance: these detectors never look "
        "at the picture."
    )
    return "\n".join(lines)
