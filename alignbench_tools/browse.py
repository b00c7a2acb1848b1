"""`alignbench browse`: pictures, captions and judgements in the browser, without the Hub."""

import argparse
import webbrowser
from pathlib import Path
from typing import Any

import alignbench_sample
import datasets

import alignbench
from alignbench_tools import release
from alignbench_tools.viewer.columns import columns
from alignbench_tools.viewer.page import one_file
from alignbench_tools.viewer.pictures import Pictures, embed
from alignbench_tools.viewer.server import Viewer

PORT = 8020


def add_parser(verbs: Any) -> None:
    """Add the verb to `verbs`."""
    parser = verbs.add_parser("browse", help="look at pictures, captions and judgements in the browser")
    parser.add_argument("config", nargs="?", default="captions", choices=["captions", "sample"])
    parser.add_argument("--parquet", metavar="FOLDER", help="browse what `push --dry-run FOLDER` wrote")
    parser.add_argument("--images", default="auto", choices=["auto", "release", "skip", "require"])
    parser.add_argument("--retry", action="store_true", help="try again the pictures that could not be had")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--out", metavar="FILE.html", help="write one self-contained page in place of serving")
    where.add_argument(
        "--port", type=int, help=f"on 127.0.0.1; default: {PORT}, or a free one if it is taken"
    )
    parser.add_argument("--no-open", action="store_true", help="do not open the browser")
    release.add_options(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Load the captions, then serve them until interrupted, or write them as one page."""
    if args.out and not Path(args.out).absolute().parent.is_dir():
        raise FileNotFoundError(f"--out {args.out}: no such folder; make it first")
    captions, source = load(args)
    found, pictures = columns(captions, source), Pictures(captions)
    if args.out:
        alignbench.write_atomically(Path(args.out), one_file(embed(found, pictures)))
        address = Path(args.out).absolute().as_uri()
        print(f"{captions.num_rows:,} captions in one page: {address}")
        if not args.no_open:
            webbrowser.open(address)
        return 0
    with bind(found, pictures, args.port) as server:
        print(f"{captions.num_rows:,} captions at {server.url} (Ctrl+C ends)", flush=True)
        if not args.no_open:
            webbrowser.open(server.url)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print()
    return 0


def load(args: argparse.Namespace) -> tuple[datasets.Dataset, str]:
    """Rows of config ``captions`` and the name of their source; ValueError for options that contradict."""
    _check(args)
    if args.parquet:
        folder = Path(args.parquet).absolute()
        if not folder.is_dir():
            raise FileNotFoundError(f"--parquet {args.parquet}: no such folder")
        return datasets.load_dataset(str(folder), "captions", split="test"), str(folder)
    if args.config == "sample":
        args.data_dir = str(Path(alignbench_sample.__file__).parent)
    captions = release.load(args, "captions", args.images, args.retry)
    source = "embedded sample" if args.config == "sample" else alignbench.report(captions).source
    return captions, source


def _check(args: argparse.Namespace) -> None:
    chosen = "--parquet" if args.parquet else "sample" if args.config == "sample" else None
    if chosen is None:
        return
    given = {"image_dir" if name == "image_dirs" else name for name in release.arguments(args)}
    if args.parquet:
        given |= {name for name in ("retry", "images") if getattr(args, name) not in (False, "auto")}
    options = sorted(f"--{name.replace('_', '-')}" for name in given)
    if args.parquet and args.config == "sample":
        options.append("sample")
    if options:
        raise ValueError(f"{chosen} is a release of its own; leave out {', '.join(options)}")


def bind(found: dict[str, Any], pictures: Pictures, port: int | None) -> Viewer:
    """The server at `port`; by default at `PORT`, so that links stay good, or at a free one."""
    try:
        return Viewer(found, pictures, PORT if port is None else port)
    except OSError as error:
        if port is None:
            return Viewer(found, pictures, 0)
        raise OSError(f"--port {port}: {error.strerror}; give another, or 0 for a free one") from error
    except OverflowError:
        raise ValueError(f"--port {port}: expected 0 to 65535") from None
