"""Scores from Inspect's logs, for runs that were started with `inspect eval`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from inspect_ai.log import EvalLog, EvalSample, read_eval_log, read_eval_log_samples

from alignbench_tools import merging
from alignbench_tools.scores import Score, Scores
from alignbench_tools.vlm import costs, task

# What makes up most of a log, and is not needed here.
CONVERSATIONS = {"messages", "events", "attachments", "output"}


def scores_from_logs(paths: Sequence[str | Path]) -> tuple[Scores, list[str]]:
    """The scores in logs of one run, finished or not, in any order, and what was resolved between them.

    Args:
        paths: logs, or folders of them.

    Raises ValueError if a log is not of AlignBench's task, and if the logs are not of one run
    (`merging.merge`).
    """
    merged, notes = merging.merge([read_log(path) for path in find_logs(paths)])
    # A log of `inspect eval-retry` has the samples of the log before it again: their calls count once.
    merged.header["usage"] = costs.usage(merged.rows())
    return merged, notes


def find_logs(paths: Sequence[str | Path]) -> list[Path]:
    """The files among `paths`, and the logs in the folders among them; ValueError if there is none."""
    found: list[Path] = []
    for path in map(Path, paths):
        found += sorted(path.glob("**/*.eval")) if path.is_dir() else [path]
    if not found:
        raise ValueError(f"expected logs of Inspect (.eval), found none in {', '.join(map(str, paths))}")
    return found


def read_log(path: str | Path) -> Scores:
    """The scores in one log, also in that of a run that was killed."""
    log = read_eval_log(str(path), header_only=True)
    metadata = (log.eval.metadata or {}).get(task.HEADER)
    if metadata is None:
        raise ValueError(f"{path}: expected a log of AlignBench's task, got one of {log.eval.task}")
    samples = read_eval_log_samples(str(path), all_samples_required=False, exclude_fields=CONVERSATIONS)
    versions: set[str] = set()
    rows = []
    for sample in samples:
        known = _known(sample)
        versions |= set(known.get(task.VERSIONS, []))
        rows += [Score(**row) for row in known.get(task.STORED, [])]
    return Scores.from_rows(_header(log, metadata, versions, rows), rows, str(path))


def _known(sample: EvalSample) -> dict[str, Any]:
    """What the solver stored; of a sample that `inspect eval-retry` brought back, what the scorer kept."""
    if task.STORED in sample.store:
        return sample.store
    kept = (sample.scores or {}).get(task.sentences.__name__)
    return (kept and kept.metadata) or {}


def _header(log: EvalLog, metadata: dict[str, Any], versions: set[str], rows: list[Score]) -> dict[str, Any]:
    blind = bool(metadata["parameters"].get("blind"))
    asked = {
        "detector": task.shown_name(log.eval.model, blind),
        "model": log.eval.model,
        "model_version": ", ".join(sorted(versions)),
        "usage": costs.usage(rows),
    }
    # What was given on Inspect's command line goes over what the protocol asks for.
    options = task.parameters(log.plan.config.merge(log.eval.model_generate_config))
    return {**metadata, **asked, "parameters": {**options, **({"blind": True} if blind else {})}}
