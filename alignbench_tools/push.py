"""`alignbench push dataset REPO`, `alignbench push metric REPO`: one commit each."""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import datasets
import huggingface_hub
import yaml
from filelock import FileLock, Timeout

import alignbench
from alignbench_tools import card, hub, release, results_yaml
from alignbench_tools.croissant import croissant
from alignbench_tools.hub import PushError, Target
from alignbench_tools.parquet import write_config

CONFIGS = ("sentences", "captions")
METRIC_SCRIPT = "alignbench_auroc.py"
PUBLISHED = "2025-11-26"  # when the authors announced AlignBench
CITATION = "Saito et al. AlignBench: Benchmarking Fine-Grained Image-Text Alignment. arXiv:2511.20515, 2025."
LICENCE_NOTICE = (
    "--images all: this publishes pictures of COCO and CC12M under your name, and you answer to their owners "
    "for having the right to do so."
)


def add_parser(verbs: Any) -> None:
    """Add the verb to `verbs`."""
    parser = verbs.add_parser("push", help="publish the dataset or the metric on the Hub")
    kinds = parser.add_subparsers(dest="kind", required=True, metavar="{dataset,metric}")
    # --revision is the branch that is pushed to; that of the release gets a longer name.
    dataset = kinds.add_parser(
        "dataset", help="Parquet and card to a dataset repo", conflict_handler="resolve"
    )
    release.add_options(dataset)
    dataset.add_argument("--release-revision", dest="revision", help="another branch, tag or commit of it")
    dataset.add_argument(
        "--images",
        choices=("release", "all"),
        default="release",
        help="release (default): embed the generated pictures, leave COCO and CC12M as image_url; all: embed "
        "every picture, and answer for their licences",
    )
    dataset.add_argument("--benchmark", action="store_true", help="also write eval.yaml (see results-yaml)")
    dataset.set_defaults(build=build_dataset, repo_type="dataset")
    metric = kinds.add_parser("metric", help="the metric's folder to a Space")
    metric.set_defaults(build=build_metric, repo_type="space")
    for kind in (dataset, metric):
        _add_common(kind)


def _add_common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("repo", help="namespace/name")
    parser.add_argument(
        "--dry-run", type=Path, metavar="DIR", help="write the same files to DIR, push nothing"
    )
    parser.add_argument("--private", action="store_true", help="if the repo has to be made")
    place = parser.add_mutually_exclusive_group()
    place.add_argument(
        "--revision", dest="branch", metavar="BRANCH", help="push to this branch, made from main if need be"
    )
    place.add_argument(
        "--create-pr", action="store_true", help="open a pull request in place of a push to main"
    )
    parser.add_argument(
        "--card",
        choices=("ours", "hub"),
        help="if the card was edited on the Hub: overwrite it (ours) or keep it with new numbers (hub)",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Build the files, then write them to `--dry-run` or push them."""
    target = Target(args.repo, args.repo_type, args.branch, args.create_pr, args.private)
    hub.check_name(target.repo)
    if args.dry_run:
        _dry_run(args)
    else:
        _push(args, target)
    return 0


def _push(args: argparse.Namespace, target: Target) -> None:
    api = hub.connect(target)
    remote = hub.inspect(api, target)
    _check_remote(remote, target, args.card)
    with _staging(target) as folder:
        args.build(args, folder, remote.card if args.card == "hub" else None)
        owned = tuple(f"{config}/" for config in CONFIGS) if target.repo_type == "dataset" else ()
        message = f"alignbench {alignbench.__version__}: {args.kind}"
        print(f"{target}: {hub.commit(api, target, remote, folder, message, owned)}")


def _check_remote(remote: hub.Remote, target: Target, choice: str | None) -> None:
    if remote.card_was_edited and choice is None:
        raise PushError(
            f"the card ({hub.CARD}) of {target} is not the one that the last push wrote: somebody edited "
            "it, or the repo was made otherwise; --card hub keeps it and refreshes its numbers, --card ours "
            "overwrites it"
        )
    script = f"{target.repo.split('/')[1]}.py"
    if target.repo_type == "dataset" and script in remote.files:
        raise PushError(
            f"{target} holds {script}, and datasets >= 4 refuses to load a repo with a script of its name: "
            "delete that file on the Hub and push again"
        )


def _dry_run(args: argparse.Namespace) -> None:
    """Build beside `--dry-run` and put it in its place when it is whole."""
    folder = args.dry_run.absolute()
    if folder.exists() and any(folder.iterdir()) and not (folder / hub.MANIFEST).is_file():
        raise PushError(f"{args.dry_run} is not empty and no earlier dry run: give another folder")
    partial = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        args.build(args, partial, None)
        shutil.rmtree(folder, ignore_errors=True)
        os.replace(partial, folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    print(f"written to {args.dry_run}; nothing was pushed")


@contextlib.contextmanager
def _staging(target: Target) -> Iterator[Path]:
    """A folder for the files of this push, cleared of what a killed push to the same repo left."""
    root = Path(huggingface_hub.constants.HF_HOME) / "alignbench" / "push"
    root.mkdir(parents=True, exist_ok=True)
    folder = root / f"{target.repo_type}--{target.repo.replace('/', '--')}"
    try:
        with FileLock(f"{folder}.lock", timeout=0):
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            try:
                yield folder
            finally:
                shutil.rmtree(folder, ignore_errors=True)
    except Timeout:
        raise PushError(f"another push to {target} is under way on this machine: wait for it") from None


def build_dataset(args: argparse.Namespace, folder: Path, text: str | None) -> None:
    """Write the dataset repo's files into `folder`; `text` is the card to fill in if not our own."""
    if args.images == "all":
        print(LICENCE_NOTICE, file=sys.stderr)
    tables, configs = {}, []
    for name in CONFIGS:
        dataset = _load(args, name)
        tables[name] = dataset.data.table
        features = alignbench.features(name)
        writing = write_config(tables[name], features, folder, name, embed_urls=args.images == "all")
        files = list(datasets.utils.tqdm(writing, desc=f"Writing {name}", unit="file"))
        configs.append(card.Config(name, features, files))
    parts = card.parts(tables["sentences"], configs, args.images)
    filled = card.fill(text or card.template().replace("<this repo>", args.repo), configs, parts)
    endpoint = huggingface_hub.constants.ENDPOINT
    texts = {
        hub.CARD: filled,
        "croissant.json": croissant(args.repo, endpoint, configs, CITATION, PUBLISHED),
    }
    if args.benchmark:
        captioners = sorted(tables["sentences"]["captioner"].unique().to_pylist())
        texts["eval.yaml"] = results_yaml.benchmark(captioners)
    texts[hub.MANIFEST] = card.manifest(texts, configs, args.images, _source(args))
    for name, content in texts.items():
        (folder / name).write_bytes(content.encode("utf-8"))


def _load(args: argparse.Namespace, config: str) -> datasets.Dataset:
    dataset = release.load(args, config, "auto" if args.images == "all" else "release")
    if config == CONFIGS[0]:
        print(alignbench.report(dataset), file=sys.stderr)
    return dataset


def _source(args: argparse.Namespace) -> str:
    """The release that the rows come from, without a word on this machine."""
    if args.data_dir is None:
        options = release.arguments(args)
        builder = datasets.load_dataset_builder("alignbench", **options)
        return f"{builder.config.release}@{builder.config.commit}"
    content = (Path(args.data_dir) / alignbench.RELEASE_FILE).read_bytes()
    return f"{alignbench.RELEASE_FILE} with sha256 {hashlib.sha256(content).hexdigest()}"


def build_metric(args: argparse.Namespace, folder: Path, text: str | None) -> None:
    """Copy the metric's folder into `folder`; `text` is a card to keep in place of ours."""
    import alignbench_auroc

    if args.repo.split("/")[1] != Path(METRIC_SCRIPT).stem:
        raise PushError(
            f"expected a Space named {Path(METRIC_SCRIPT).stem}, got {args.repo}: evaluate.load looks for a "
            "script of the Space's name"
        )
    source = Path(alignbench_auroc.__file__).parent
    names = sorted(path.name for path in source.iterdir() if path.suffix in (".py", ".md", ".txt"))
    if missing := {METRIC_SCRIPT, hub.CARD, "requirements.txt"} - set(names):
        raise PushError(f"{source} lacks {', '.join(sorted(missing))}: install alignbench again")
    for name in names:
        shutil.copyfile(source / name, folder / name)
    if text is not None:
        (folder / hub.CARD).write_bytes(text.encode("utf-8"))
    front = (folder / hub.CARD).read_text(encoding="utf-8").split("---")[1:2]
    if not front or yaml.safe_load(front[0]).get("sdk") != "gradio":
        raise PushError(f"the Space's {hub.CARD} needs front matter with `sdk: gradio`")
    files = {name: card.digest((folder / name).read_bytes()) for name in names}
    manifest = json.dumps({"format": 1, "files": files}, indent=1) + "\n"
    (folder / hub.MANIFEST).write_text(manifest, encoding="utf-8")
