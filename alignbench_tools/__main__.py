"""`alignbench VERB`: finds the verb's module and runs it."""

import argparse
import sys
from collections.abc import Sequence

import alignbench
from alignbench_tools import (
    annotate,
    browse,
    compare,
    demo,
    ensemble,
    evaluate,
    generate,
    load,
    merge,
    push,
    report,
    results_yaml,
    score,
    verify,
)

VERBS = (
    annotate,
    browse,
    compare,
    demo,
    ensemble,
    evaluate,
    generate,
    load,
    merge,
    push,
    report,
    results_yaml,
    score,
    verify,
)


def parser() -> argparse.ArgumentParser:
    """The command line of every verb."""
    command = argparse.ArgumentParser(
        prog="alignbench", description="AlignBench: does this sentence match this image?"
    )
    command.add_argument("--version", action="version", version=alignbench.__version__)
    verbs = command.add_subparsers(required=True, metavar="VERB")
    for verb in VERBS:
        verb.add_parser(verbs)
    return command


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a verb; 0 if all is well, 1 with a message on stderr for what the user can mend, 130 for Ctrl+C."""
    args = parser().parse_args(arguments)
    try:
        return args.run(args)
    except (ValueError, OSError) as error:
        print(f"alignbench: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("alignbench: interrupted", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
