"""`alignbench annotate`: sentences out to Label Studio, votes back, a release out of them."""

import argparse
from collections import Counter
from pathlib import Path
from typing import Any

from alignbench_tools import release
from alignbench_tools.annotation import account, exports, outcome, releases, rounds, sources
from alignbench_tools.annotation.items import Round, by_key
from alignbench_tools.annotation.label_studio import TOKEN_VARIABLE, LabelStudio, project_number

_TOKEN = f"the token comes from the environment variable {TOKEN_VARIABLE}"


def add_parser(verbs: Any) -> None:
    """Add the verb and its actions to `verbs`."""
    parser = verbs.add_parser(
        "annotate",
        help="have captions judged in Label Studio and make a release of the votes",
        description="Export and push sentences to Label Studio, import votes, adjudicate, merge releases. "
        "docs/annotation.md explains each step.",
    )
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    _add_export(actions)
    _add_push(actions)
    _add_import(actions)
    _add_adjudicate(actions)
    _add_merge(actions)


def _add_export(actions: Any) -> None:
    parser = actions.add_parser("export", help="write tasks and labelling config for Label Studio")
    parser.add_argument(
        "collection",
        nargs="?",
        type=Path,
        help="folder with captions.jsonl (default: the release, to judge again)",
    )
    parser.add_argument("--out", type=Path, required=True, help="new folder for the round")
    parser.add_argument("--votes", type=int, default=3, help="annotators per sentence (default: %(default)s)")
    parser.add_argument("--title", default="AlignBench", help="of the project (default: %(default)s)")
    parser.add_argument(
        "--gold", type=Path, help="release folder whose unanimous sentences test the annotators"
    )
    parser.add_argument("--gold-count", type=int, default=20, help="how many (default: %(default)s)")
    parser.add_argument(
        "--seed", type=int, default=0, help="of the choice of gold sentences and their places"
    )
    parser.add_argument(
        "--image-prefix",
        help="address under which the round's folder is served; without it, pictures that have no address of "
        "their own are embedded in the tasks",
    )
    release.add_options(parser)
    parser.set_defaults(run=run_export)


def _add_push(actions: Any) -> None:
    parser = actions.add_parser("push", help="make the project on a Label Studio server", description=_TOKEN)
    parser.add_argument("url", help="address of the server, e.g. http://localhost:8080")
    parser.add_argument("round", type=Path, help="folder that export or adjudicate wrote")
    parser.set_defaults(run=run_push)


def _add_votes(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("round", type=Path, help="folder that export wrote")
    parser.add_argument(
        "exports",
        nargs="+",
        help="JSON exports of its project and of adjudication projects, in any order, or addresses: of a "
        f"project (http://localhost:8080/projects/3) or of the server; {_TOKEN}",
    )
    parser.add_argument("--method", choices=["majority", "dawid-skene"], default="majority")
    parser.add_argument(
        "--min-votes", type=int, help="votes that make a sentence finished (default: as exported)"
    )


def _add_import(actions: Any) -> None:
    parser = actions.add_parser("import", help="make a release of the votes in exports")
    _add_votes(parser)
    parser.add_argument("--out", type=Path, required=True, help="new release folder")
    parser.add_argument(
        "--partial",
        action="store_true",
        help="keep unfinished captions; their unfinished sentences are unknown",
    )
    parser.set_defaults(run=run_import)


def _add_adjudicate(actions: Any) -> None:
    parser = actions.add_parser("adjudicate", help="write a second round of the sentences in doubt")
    _add_votes(parser)
    parser.add_argument("--out", type=Path, required=True, help="new folder for the round")
    parser.add_argument("--below", type=float, default=0.0, help="also those with less agreement (0 to 1)")
    parser.add_argument(
        "--votes", type=int, default=1, help="adjudicators per sentence (default: %(default)s)"
    )
    parser.add_argument("--image-prefix", help="as for export")
    parser.set_defaults(run=run_adjudicate)


def _add_merge(actions: Any) -> None:
    parser = actions.add_parser("merge", help="several release folders as one")
    parser.add_argument("releases", nargs="+", type=Path)
    parser.add_argument("--out", type=Path, required=True, help="new release folder")
    parser.set_defaults(run=run_merge)


def run_export(args: argparse.Namespace) -> int:
    """Write the folder of the first round."""
    if args.votes < 1:
        raise ValueError(f"--votes {args.votes}: expected at least 1")
    if args.collection:
        asked = sorted(set(release.arguments(args)) - {"captioners"})
        if asked:
            raise ValueError(f"{args.collection} is a collection of its own: leave out {', '.join(asked)}")
        source = sources.of_captioners(sources.read_collection(args.collection), args.captioners)
    else:
        source = sources.read_rows(release.load(args, "captions", "release"))
    if args.gold:
        gold = alignbench_rows(args.gold)
        source = sources.mixed(source, sources.gold_items(gold, args.gold_count, args.seed), args.seed)
    judging = Round(1, args.votes, args.title, by_key(source.items))
    rounds.write(args.out, judging, source.files, args.image_prefix, captions=args.collection)
    gold_count = sum(item.gold is not None for item in source.items)
    print(
        f"{args.out}: {len(source.items):,} sentences ({gold_count:,} gold), {len(source.files):,} pictures, "
        f"{args.votes} votes each",
        *source.notes,
        sep="\n",
    )
    return 0


def alignbench_rows(folder: Path) -> Any:
    """The captions of a local release, with the pictures that it holds."""
    options = argparse.Namespace(
        data_dir=str(folder), release=None, revision=None, captioners=None, image_dir=[], strict=False
    )
    return release.load(options, "captions", "release")


def run_push(args: argparse.Namespace) -> int:
    """Make the project, or go on where an earlier run was stopped."""
    server = LabelStudio(args.url)
    project, made, new, there = rounds.push(args.round, server)
    print(f"{server.url}/projects/{project['id']}: {'made' if made else 'found'}")
    print(f"tasks: {new:,} new, {there:,} there already")
    return 0


def read_votes(args: argparse.Namespace) -> tuple[Round, exports.Ballots]:
    """The round and the votes that `args` names."""
    judging = Round.read(args.round)
    tasks = [_tasks(text, args.round) for text in args.exports]
    ballots = exports.ballots(tasks, judging.items)
    if not ballots.rounds:
        raise ValueError(f"no vote on a sentence of {args.round} in the exports\n{ballots.problems}".rstrip())
    return judging, ballots


def _tasks(text: str, folder: Path) -> list[dict[str, Any]]:
    if not text.startswith(("http://", "https://")):
        return exports.read_file(Path(text))
    address, number = project_number(text)
    server = LabelStudio(address)
    if number is None:
        project = server.find_project(rounds.marker(folder))
        if project is None:
            raise ValueError(f"{address} has no project of {folder}: push it, or give the project's address")
        number = project["id"]
    return server.export(number)


def run_import(args: argparse.Namespace) -> int:
    """Write the release and print how it came about."""
    judging, ballots = read_votes(args)
    result = outcome.decide(judging, ballots, args.method, args.min_votes, args.partial)
    if not result.released():
        raise ValueError(
            f"no caption is finished: {len(result.unfinished):,} sentences have fewer than "
            f"{args.min_votes or judging.votes} votes; take --min-votes or --partial\n{ballots.problems}"
        )
    report = account.write(args.out, args.round, judging, ballots, result, args.method)
    print(f"{args.out}: {account.summary(report)}")
    if ballots.problems.places:
        print(ballots.problems)
    return 0


def run_adjudicate(args: argparse.Namespace) -> int:
    """Write the next round; 0 and no folder where nothing is in doubt."""
    if not 0 <= args.below <= 1 or args.votes < 1:
        raise ValueError("expected --below from 0 to 1 and --votes of at least 1")
    judging, ballots = read_votes(args)
    result = outcome.decide(judging, ballots, args.method, args.min_votes, partial=True)
    doubts = outcome.in_doubt(result, args.below)
    if not doubts:
        print("nothing is in doubt")
        return 0
    following, said = rounds.adjudication(judging, ballots, result, doubts, args.votes)
    paths = {
        path: args.round / path for item in following.items.values() if (path := item.image_path_in_repo)
    }
    rounds.write(args.out, following, paths, args.image_prefix, said)
    reasons = Counter(reason for given in doubts.values() for reason in given)
    listed = ", ".join(f"{count:,} {reason}" for reason, count in reasons.most_common())
    print(f"{args.out}: {len(doubts):,} sentences ({listed})")
    return 0


def run_merge(args: argparse.Namespace) -> int:
    """Merge release folders into a new one."""
    merged = releases.merge(args.releases, args.out)
    for folder, count in zip(args.releases, merged.sentences, strict=True):
        print(f"{folder}: {count:,} sentences")
    print(args.out, *merged.notes, sep="\n")
    return 0
