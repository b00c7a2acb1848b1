"""`alignbench compare A.json B.json`: the AUROCs of two saved results side by side."""

import argparse
from typing import Any

from alignbench_auroc import Result


def add_parser(verbs: Any) -> None:
    """Add the verb to `verbs`."""
    parser = verbs.add_parser("compare", help="compare two saved results of the metric")
    parser.add_argument("a", metavar="A.json", help="a result that Result.save wrote")
    parser.add_argument("b", metavar="B.json")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print A, B and A - B per captioner; ValueError says in what the signatures differ."""
    print(table(Result.load(args.a), Result.load(args.b)))
    return 0


def table(a: Result, b: Result) -> str:
    """A line per AUROC that both results have; intervals of differences need the scores."""
    differences = a.difference(b)
    first, second = a.aurocs(), b.aurocs()
    width = max(map(len, differences))
    lines = [f"{'':<{width}} {'A':>8} {'B':>8} {'A - B':>8}"]
    lines += [
        f"{name:<{width}} {first[name]:>8.4f} {second[name]:>8.4f} {difference:>+8.4f}"
        for name, difference in differences.items()
    ]
    lines.append("For intervals and tests of the differences: alignbench_auroc.compare on both scores.")
    return "\n".join(lines)
