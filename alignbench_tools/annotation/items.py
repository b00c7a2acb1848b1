"""The sentences to judge: where they come from, and the folder of a round of judging."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from alignbench_tools.annotation.folders import link_or_copy

CAPTIONS_FILE, ITEMS_FILE, ROUND_FILE = "captions.jsonl", "items.jsonl", "round.json"


class Item(NamedTuple):
    """A sentence in its caption (`before` + `sentence` + `after`), about one picture.

    The first six fields are the release's columns of the row that it becomes. `image_url` is the picture's
    address; else `image_path_in_repo` is its place in the release and in the round's folder. `gold` is the
    known label of a sentence that only tests the annotators, and never enters a release.
    """

    model: str
    image_source: str
    image_name: str
    image_type: str | None
    sentence_index: int
    sentence: str
    image_url: str | None = None
    image_path_in_repo: str | None = None
    before: str = ""
    after: str = ""
    gold: str | None = None

    @property
    def id(self) -> str:
        """Id of the row."""
        return f"{self.model}/{self.image_name}/{self.sentence_index}"

    @property
    def key(self) -> str:
        """Its name in Label Studio, which tells neither its captioner nor whether it is gold."""
        text = json.dumps([self.id, self.sentence, self.gold is not None], ensure_ascii=False)
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


class Round(NamedTuple):
    """A round of judging: `number` 1 is everybody's, 2 and later are of adjudicators.

    `votes` is how many annotators are to judge each sentence; `title` names the project.
    """

    number: int
    votes: int
    title: str
    items: dict[str, Item]

    def write(self, folder: Path) -> None:
        """Write `items.jsonl` and `round.json` into `folder`."""
        write_lines(folder / ITEMS_FILE, (item._asdict() for item in self.items.values()))
        head = {"alignbench_round": self.number, "votes": self.votes, "title": self.title}
        (folder / ROUND_FILE).write_text(json.dumps(head, ensure_ascii=False, indent=1), encoding="utf-8")

    @classmethod
    def read(cls, folder: Path) -> "Round":
        """Read what `write` wrote; FileNotFoundError or ValueError for any other folder."""
        if not (folder / ROUND_FILE).is_file():
            raise FileNotFoundError(
                f"{folder} has no {ROUND_FILE}: give a folder that `alignbench annotate export` wrote"
            )
        try:
            head = json.loads((folder / ROUND_FILE).read_text(encoding="utf-8"))
            items = [Item(**record) for _, record in json_lines(folder / ITEMS_FILE)]
            return cls(head["alignbench_round"], head["votes"], head["title"], by_key(items))
        except (KeyError, TypeError) as error:
            raise ValueError(
                f"{folder}: {ROUND_FILE} or {ITEMS_FILE} is not as `alignbench annotate export` writes it "
                f"({error}); restore the folder"
            ) from None


def by_key(items: Iterable[Item]) -> dict[str, Item]:
    """Items by key; ValueError where two are one sentence."""
    found: dict[str, Item] = {}
    for item in items:
        if item.key in found:
            raise ValueError(f"{item.id}: the sentence is there twice; remove one of its records")
        found[item.key] = item
    return found


def json_lines(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Number (from 1) and object of each line; ValueError names the line that is none."""
    if not path.is_file():
        raise FileNotFoundError(f"no file {path}")
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            try:
                record = json.loads(line)
            except ValueError as error:
                raise ValueError(f"{path}, line {number}: expected a JSON object, got {error}") from None
            if not isinstance(record, dict):
                raise ValueError(f"{path}, line {number}: expected a JSON object, got {line[:60]!r}")
            yield number, record


def write_lines(path: Path, records: Iterable[Mapping[str, Any]]) -> None:
    """Write a JSON object per line."""
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(json.dumps(record, ensure_ascii=False) + "\n" for record in records)


def place_pictures(files: Mapping[str, Path], folder: Path) -> None:
    """Bring each file to its path in `folder`; FileNotFoundError names one that is not there."""
    for path, file in files.items():
        if not file.is_file():
            raise FileNotFoundError(f"{file}: the picture of a sentence to judge is not there")
        link_or_copy(file, folder / path)
