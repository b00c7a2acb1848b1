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
    merged, notes = merging.merge([_read(path) for path in args.parts])
    scores.write(merged, args.out)
    counts = ", ".join(f"{number:,} {status}" for status, number in merged.counts().items())
    print(f"{args.out}: {merged.detector}: {counts}")
    print(*notes, sep="\n", end="\n" if notes else "")
    return 0


def _read(path: Path) -> scores.Scores:
    if path.suffix != ".eval":
        return scores.read(path)
    try:
        from alignbench_tools.vlm import logs
    except ImportError as error:
        raise ValueError(f"{path}: {error}; pip install 'alignbench[vlm]'") from None
    return logs.read_log(path)
