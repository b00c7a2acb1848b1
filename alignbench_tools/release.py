"""Which release a verb works on: its options, and the call of `load_dataset` that they stand for."""

import argparse
from typing import Any

import datasets


def add_options(parser: argparse.ArgumentParser, sample: bool = False) -> None:
    """The options of `load_dataset("alignbench", ...)`; with `sample` also --sample, for `load_sentences`."""
    group = parser.add_argument_group("release", "default: the published one, from the Hub")
    if sample:
        group.add_argument(
            "--sample", action="store_true", help="the embedded sample, which needs no network"
        )
    group.add_argument("--data-dir", help="a local release folder")
    group.add_argument("--release", help="another dataset repo on the Hub")
    group.add_argument("--revision", help="another branch, tag or commit of it")
    group.add_argument("--captioners", nargs="+", help="only these")
    group.add_argument(
        "--image-dir",
        action="append",
        default=[],
        metavar="SOURCE=FOLDER",
        help="pictures that are here already, e.g. coco=/data/val2014; may be repeated",
    )
    group.add_argument("--strict", action="store_true", help="every irregularity is an error")


def arguments(args: argparse.Namespace) -> dict[str, Any]:
    """What `args` says, as arguments of `load_dataset`; ValueError for an --image-dir without `=`."""
    image_dirs = {}
    for text in args.image_dir:
        source, equals, folder = text.partition("=")
        if not equals:
            raise ValueError(f"--image-dir {text}: expected SOURCE=FOLDER, e.g. coco=/data/val2014")
        image_dirs[source] = folder
    given = {
        "data_dir": args.data_dir,
        "release": args.release,
        "revision": args.revision,
        "captioners": args.captioners,
        "image_dirs": image_dirs or None,
        "strict": args.strict or None,
    }
    return {name: value for name, value in given.items() if value is not None}


def load(args: argparse.Namespace, config: str, images: str, retry: bool = False) -> datasets.Dataset:
    """The rows that `args` asks for; `retry` tries again the pictures that could not be had."""
    mode = "force_redownload" if retry else None
    return datasets.load_dataset(
        "alignbench", config, split="test", images=images, download_mode=mode, **arguments(args)
    )


def load_sentences(args: argparse.Namespace, images: str) -> datasets.Dataset:
    """Rows of config ``sentences``, or of the embedded sample with --sample.

    Raises ValueError for --sample with an option of another release.
    """
    if not args.sample:
        return load(args, "sentences", images)
    others = set(arguments(args)) - {"captioners", "strict"}
    if others:
        raise ValueError(f"--sample: the embedded sample takes no {', '.join(sorted(others))}; leave one out")
    return load(args, "sample", images)
