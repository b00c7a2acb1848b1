"""`alignbench report SCORES...`: one page that shows what detectors can and cannot see."""

import argparse
import time
from pathlib import Path
from typing import Any

from alignbench import write_atomically
from alignbench_tools import release

PAGE_BYTES = 10 << 20


def add_parser(verbs: Any) -> None:
    """Add the verb to `verbs`."""
    parser = verbs.add_parser("report", help="a page of leaderboard, figures, mistakes and provenance")
    parser.add_argument(
        "scores",
        nargs="+",
        type=Path,
        metavar="SCORES",
        help="scores files (.jsonl, .parquet), or results that `alignbench evaluate --out` saved (.json)",
    )
    parser.add_argument(
        "--out", type=Path, default=Path("report.html"), help="the page (default: %(default)s)"
    )
    parser.add_argument("--title", default="AlignBench", help="heading of the page (default: %(default)s)")
    parser.add_argument("--with-paper", action="store_true", help="add the 25 rows of the paper's Table 3")
    parser.add_argument("--figures", type=Path, metavar="DIR", help="write every figure there, SVG and PDF")
    parser.add_argument(
        "--tables", type=Path, metavar="DIR", help="write leaderboard.csv, .tex and .md there"
    )
    parser.add_argument(
        "--own",
        action="append",
        default=[],
        metavar="DETECTOR=CAPTIONER,…",
        help="captioners that are the detector's own model; may be repeated (default: as the scores say)",
    )
    parser.add_argument(
        "--missing",
        choices=["error", "worst", "drop"],
        default="error",
        help="a sentence without score: an error, held against the detector, or left out",
    )
    parser.add_argument(
        "--against",
        type=Path,
        metavar="FILE",
        help="numbers of a second benchmark: JSON {detector: number} or CSV lines detector,number",
    )
    parser.add_argument(
        "--gallery",
        action="append",
        metavar="DETECTOR",
        help="whose mistakes are shown; may be repeated (default: the best three)",
    )
    parser.add_argument(
        "--images",
        choices=["auto", "release", "skip"],
        default="auto",
        help="pictures of the mistakes: wherever they are, only those that the release holds, or none",
    )
    release.add_options(parser, sample=True)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Write the page and what else was asked for; say where it is."""
    _check_drawing()
    from alignbench_tools.reporting import build

    start = time.monotonic()
    _check_folder(args.out)
    report = build.build(args)
    if args.tables:
        args.tables.mkdir(parents=True, exist_ok=True)
        for name, text in report.tables.items():
            write_atomically(args.tables / name, text.encode("utf-8", "replace"))
    if args.figures:
        args.figures.mkdir(parents=True, exist_ok=True)
        for figure in report.figures:
            figure.save(args.figures)
    write_atomically(args.out, report.page)
    size = len(report.page) / (1 << 20)
    print(f"{args.out}: {report.summary}; {size:.1f} MB, {time.monotonic() - start:.0f} s")
    for note in report.notes:
        print(note)
    if len(report.page) > PAGE_BYTES:
        print(f"note: the page is larger than {PAGE_BYTES >> 20} MB; --images skip leaves the pictures out")
    return 0


def _check_drawing() -> None:
    try:
        import jinja2  # noqa: F401
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise ValueError(
            f"the report needs {error.name}, which is not installed: pip install 'alignbench[report]'"
        ) from None


def _check_folder(out: Path) -> None:
    if not out.absolute().parent.is_dir():
        raise FileNotFoundError(f"--out {out}: no such folder; make it first")
    if out.is_dir():
        raise ValueError(f"--out {out}: expected a file to write, got a folder")
