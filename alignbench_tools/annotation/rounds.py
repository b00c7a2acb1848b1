"""The folder of a round: what `export` and `adjudicate` write, and `push` sends."""

import hashlib
import json
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from alignbench_tools.annotation import labelling
from alignbench_tools.annotation.exports import Ballots
from alignbench_tools.annotation.folders import new_folder
from alignbench_tools.annotation.items import CAPTIONS_FILE, Item, Round, place_pictures
from alignbench_tools.annotation.label_studio import LabelStudio
from alignbench_tools.annotation.outcome import Outcome, said

TASKS_FILE, CONFIG_FILE, INSTRUCTIONS_FILE = "tasks.json", "config.xml", "instructions.html"


def write(
    out: Path,
    judging: Round,
    files: Mapping[str, Path],
    image_prefix: str | None = None,
    said: Mapping[str, str] | None = None,
    captions: Path | None = None,
) -> None:
    """Write a round into the new folder `out`.

    `items.jsonl` and `round.json` are for `import`, and stay here: they know captioners and gold labels.
    `tasks.json`, `config.xml` and `instructions.html` are for Label Studio. `files` are the pictures by their
    path in a release, `said` the annotators' words for adjudicators, by key. `captions` is the collection
    that the sentences are of: its record of how they were made goes along into the release.
    """
    with new_folder(out) as folder:
        place_pictures(files, folder)
        if captions:
            shutil.copyfile(captions / CAPTIONS_FILE, folder / CAPTIONS_FILE)
        judging.write(folder)
        with (folder / TASKS_FILE).open("w", encoding="utf-8") as file:
            for number, task in enumerate(labelling.tasks(judging, folder, image_prefix, said)):
                file.write(("[\n" if number == 0 else ",\n") + json.dumps(task, ensure_ascii=False))
            file.write("\n]\n")
        (folder / CONFIG_FILE).write_text(labelling.config(said is not None), encoding="utf-8")
        (folder / INSTRUCTIONS_FILE).write_text(labelling.instructions(), encoding="utf-8")


def read_tasks(folder: Path) -> Iterator[dict[str, Any]]:
    """The tasks of a round, one after the other: with pictures embedded they do not all fit into memory."""
    with (folder / TASKS_FILE).open(encoding="utf-8") as file:
        for line in file:
            text = line.strip().rstrip(",")
            if text not in ("[", "]", ""):
                yield json.loads(text.removeprefix("["))


def marker(folder: Path) -> str:
    """How the project of a round is known on a server: by the digest of its sentences."""
    digest = hashlib.sha256((folder / "items.jsonl").read_bytes())
    digest.update((folder / "round.json").read_bytes())
    return f"alignbench round {digest.hexdigest()[:16]}"


def push(folder: Path, server: LabelStudio) -> tuple[dict[str, Any], bool, int, int]:
    """Make the project of a round on `server`, or go on with it.

    Returns the project, whether it was made now, and how many tasks were new and were there already.
    """
    judging = Round.read(folder)
    settings = {
        "label_config": (folder / CONFIG_FILE).read_text(encoding="utf-8"),
        "expert_instruction": (folder / INSTRUCTIONS_FILE).read_text(encoding="utf-8"),
        "show_instruction": True,
        "maximum_annotations": judging.votes,
        "show_collab_predictions": False,
        "enable_empty_annotation": False,
    }
    try:
        with FileLock(str(folder / ".push.lock"), timeout=0):
            project, made = server.project(judging.title, marker(folder), settings)
            new, there = server.add_tasks(project["id"], read_tasks(folder))
    except Timeout:
        raise ValueError(f"{folder} is being pushed by another process: wait for it") from None
    return project, made, new, there


def adjudication(
    judging: Round, ballots: Ballots, outcome: Outcome, doubts: Mapping[str, tuple[str, ...]], votes: int
) -> tuple[Round, dict[str, str]]:
    """The next round, of the sentences in doubt, and what was said of each."""
    number = max(ballots.rounds, default=1) + 1
    items: dict[str, Item] = {key: judging.items[key] for key in doubts}
    words = {
        key: f"{said(outcome.verdicts[key], item, ballots.first.get(key, []))} ({', '.join(doubts[key])})"
        for key, item in items.items()
    }
    return Round(number, votes, f"{judging.title}, round {number}", items), words
