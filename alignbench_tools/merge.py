"""`alignbench merge PARTS`: parts of one run, scored by several processes, as one scores file.

A part is a scores file, or a log of Inspect (.eval) from somebody who ran the task with `inspect eval`.
"""

import argparse
from pathlib import Path
from typing import Any

from alignbench_tools import merging, scores


def add_parser(verbs: Any) -> None:
    """Add the verb to `verbs`."""
    parser = verbs.add_parser("merge", help="put parts of one run together, or make scores of Inspect's logs")
    parser.add_argument("parts", nargs="+", type=Path, metavar="PART", help="scores files, or .eval logs")
    parser.add_argument("--out", type=Path, required=True)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Merge, and say what had to be resolved."""
    logs = [path for path in args.parts if path.suffix == ".eval"]
    parts = [scores.read(path) for path in args.parts if path.suffix != ".eval"]
    merged, notes = merging.merge([*parts, *_of_logs(logs)])
    scores.write(merged, args.out)
    counts = ", ".join(f"{number:,} {status}" for status, number in merged.counts().items())
    print(f"{args.out}: {merged.detector}: {counts}")
    print(*notes, sep="\n", end="\n" if notes else "")
    return 0


def _of_logs(paths: list[Path]) -> list[scores.Scores]:
    """The scores in logs, as one: a log and its retries count each call once."""
    if not paths:
        return []
    try:
        from alignbench_tools.vlm import logs
    except ImportError as error:
        raise ValueError(f"{paths[0]}: {error}; pip install 'alignbench[vlm]'") from None
    return [logs.scores_from_logs(paths)[0]]
