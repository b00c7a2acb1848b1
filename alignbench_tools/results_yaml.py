"""`alignbench results-yaml`: a result for the Hub's leaderboards, and the benchmark's own `eval.yaml`.

A model repo reports in `.eval_results/*.yaml`, one entry a task. A dataset repo becomes a benchmark by its
`eval.yaml`, but the Hub lists benchmarks by hand; and of the evaluation frameworks that it takes, inspect-ai
has built-in scorers only, none of which is an AUROC.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

import alignbench

MEAN = "mean"


class ResultError(ValueError):
    """A file that is no result of the metric; the message says what was expected."""


def add_parser(verbs: Any) -> None:
    """Add the verb to `verbs`."""
    parser = verbs.add_parser("results-yaml", help="a saved result as a model repo's .eval_results file")
    parser.add_argument("result", type=Path, help="JSON of the metric, as its result's save() wrote it")
    parser.add_argument(
        "--dataset", default=alignbench.HUB_RELEASE, help="dataset repo (default: %(default)s)"
    )
    parser.add_argument("--dataset-revision", help="commit of the dataset repo")
    parser.add_argument("--source-url", help="page that shows how the result came about")
    parser.add_argument("--date", help="of the evaluation, YYYY-MM-DD (default: today, set by the Hub)")
    parser.add_argument(
        "--out",
        type=Path,
        default=Path(".eval_results/alignbench.yaml"),
        help="file in the model's folder (default: %(default)s)",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Write the YAML file."""
    text = results(_read(args.result), args.dataset, args.dataset_revision, args.source_url, args.date)
    alignbench.write_atomically(args.out, text.encode("utf-8"))
    print(args.out)
    return 0


def results(
    result: dict[str, Any],
    dataset: str,
    revision: str | None = None,
    source_url: str | None = None,
    date: str | None = None,
) -> str:
    """YAML with one entry for the mean and one for each captioner that has a number, AUROC in [0, 1].

    `result` has `values` and `signature`, as the metric saves it; the signature goes into the notes. Needs
    huggingface_hub >= 1.0; raises ResultError with an older one.
    """
    try:
        from huggingface_hub import EvalResultEntry, eval_result_entries_to_yaml
    except ImportError:
        raise ResultError(
            "huggingface_hub here has no EvalResultEntry: pip install -U huggingface_hub"
        ) from None
    signature = "; ".join(f"{key}={value}" for key, value in sorted(result["signature"].items()))
    entries = [
        EvalResultEntry(
            dataset_id=dataset,
            task_id=task,
            value=value,
            dataset_revision=revision,
            date=date,
            source_url=source_url,
            notes=signature,
        )
        for task, value in _scores(result["values"]).items()
    ]
    return yaml.safe_dump(eval_result_entries_to_yaml(entries), sort_keys=False, allow_unicode=True)


def benchmark(captioners: Sequence[str]) -> str:
    """`eval.yaml` of the dataset repo: a task for the mean and one for each captioner."""
    tasks = [{"id": task, "config": "sentences", "split": "test"} for task in (MEAN, *captioners)]
    document = {
        "name": "AlignBench",
        "description": "AUROC of telling correct from incorrect sentences about a picture: one for each "
        "captioner, and their mean.",
        "evaluation_framework": "inspect-ai",
        "tasks": tasks,
    }
    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True)


def _scores(values: dict[str, Any]) -> dict[str, float]:
    """AUROC by task: `auroc` is the mean, `auroc_NAME` a captioner's; no bounds, nothing undefined."""
    if "auroc" not in values:
        raise ResultError("the result has no `auroc`: save that of the metric's default config")
    scores = {MEAN: values["auroc"]}
    for key, value in values.items():
        name = key.removeprefix("auroc_")
        bound = any(key.endswith(end) and key.removesuffix(end) in values for end in ("_low", "_high"))
        if name != key and name != "pooled" and not bound:
            scores[name] = value
    # The diagnostics hold their captioners one level down.
    scores |= {name: cells["auroc"] for name, cells in (values.get("captioners") or {}).items()}
    return {task: score for task, score in scores.items() if score is not None and math.isfinite(score)}


def _read(path: Path) -> dict[str, Any]:
    try:
        result = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ResultError(f"{path}: expected the JSON of a result, got {error}") from None
    if not isinstance(result, dict) or not {"values", "signature"} <= result.keys():
        raise ResultError(
            f"{path}: expected an object with `values` and `signature`, as result.save() writes"
        )
    return result
