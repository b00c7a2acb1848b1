"""Votes from Label Studio's JSON exports, with an account of all that is no clean vote."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, NamedTuple

from alignbench import HALLUCINATION_TYPES
from alignbench_tools.annotation.items import Item
from alignbench_tools.annotation.labelling import LABEL, SENTENCE
from alignbench_tools.annotation.votes import CHOICES, Mark, Vote

# kind -> (what became of it, what it means)
KINDS = {
    "foreign_task": ("left out", "the task is none of this round"),
    "changed_sentence": (
        "left out",
        "the task's sentence was changed in the project: the vote is on another",
    ),
    "skipped": ("no vote", "the annotator skipped the sentence"),
    "draft": ("no vote", "begun and never submitted"),
    "no_choice": ("no vote", "submitted without one of correct, incorrect, unknown"),
    "anonymous": ("no vote", "the annotation does not say whose it is"),
    "same_annotation": ("counted once", "the annotation is in several exports; its newest state counts"),
    "second_thoughts": ("older one left out", "an annotator judged the sentence again; the newest counts"),
    "marks_without_error": ("vote kept, marks dropped", "words marked, but not judged incorrect"),
    "incorrect_without_marks": ("vote kept", "judged incorrect with no word marked"),
    "mark_outside": ("mark dropped", "the marked words are not in the sentence"),
    "mark_moved": ("repaired", "the marked words stand elsewhere in the sentence, once"),
    "mark_untyped": ("mark kept", "marked with none of the hallucination types"),
}
_SHOWN = 5


@dataclass
class Problems:
    """What is no clean vote: for each kind the places, as ``sentence id (annotator)``."""

    places: dict[str, list[str]] = field(default_factory=dict)

    def add(self, kind: str, where: str, annotator: str | None = None) -> None:
        """Count one; `kind` is a key of KINDS."""
        self.places.setdefault(kind, []).append(where if annotator is None else f"{where} ({annotator})")

    def counts(self) -> dict[str, int]:
        """Number of each kind that occurs."""
        return {kind: len(self.places[kind]) for kind in KINDS if kind in self.places}

    def __str__(self) -> str:
        return "\n".join(
            f"{kind}: {count:,}, {KINDS[kind][0]} ({KINDS[kind][1]}): {self._examples(kind)}"
            for kind, count in self.counts().items()
        )

    def _examples(self, kind: str) -> str:
        places = self.places[kind]
        return ", ".join(places[:_SHOWN]) + (", …" if len(places) > _SHOWN else "")


class Ballots(NamedTuple):
    """Votes by item key, for each round of judging from 1 on."""

    rounds: dict[int, dict[str, list[Vote]]]
    problems: Problems

    @property
    def first(self) -> dict[str, list[Vote]]:
        """Votes of the first round: the annotators'."""
        return self.rounds.get(1, {})

    @property
    def decisions(self) -> dict[str, list[Vote]]:
        """Of each adjudicated item, the votes of its last round."""
        last: dict[str, list[Vote]] = {}
        for number in sorted(set(self.rounds) - {1}):
            last.update(self.rounds[number])
        return last


class _Annotation(NamedTuple):
    updated: datetime
    key: str
    round: int
    annotator: str
    raw: Mapping[str, Any]


def read_file(path: Path) -> list[dict[str, Any]]:
    """The tasks of an export file; ValueError if it is none, or in another of Label Studio's formats."""
    if not path.is_file():
        raise FileNotFoundError(f"no file {path}: give a Label Studio export in the format JSON")
    try:
        tasks = json.loads(path.read_bytes())
    except ValueError as error:
        raise ValueError(f"{path}: expected a Label Studio export in the format JSON, got {error}") from None
    return checked(tasks, str(path))


def checked(tasks: Any, source: str) -> list[dict[str, Any]]:
    """`tasks` if they are those of an export in the format JSON, else ValueError."""
    if not isinstance(tasks, list) or not all(
        isinstance(task, dict)
        and isinstance(task.get("data"), dict)
        and isinstance(task.get("annotations"), list)
        for task in tasks
    ):
        raise ValueError(
            f"{source}: expected a list of tasks with `data` and `annotations`; "
            "export the project in the format JSON, not JSON-MIN or CSV"
        )
    return tasks


def ballots(exports: Iterable[Iterable[Mapping[str, Any]]], items: Mapping[str, Item]) -> Ballots:
    """The votes in `exports` (lists of tasks) on `items` by key.

    The order of exports and of tasks does not matter: of the states of one annotation, and of an annotator's
    annotations of one sentence, the one with the newest `updated_at` counts.
    """
    problems = Problems()
    newest = _newest(exports, items, problems)
    rounds: dict[int, dict[str, list[Vote]]] = {}
    judged: set[tuple[int, str, str]] = set()
    for annotation in sorted(newest, key=lambda annotation: annotation.updated, reverse=True):
        item = items[annotation.key]
        vote = _vote(annotation, item, problems)
        if vote is None:
            continue
        if (place := (annotation.round, annotation.key, annotation.annotator)) in judged:
            problems.add("second_thoughts", item.id, annotation.annotator)
            continue
        judged.add(place)
        rounds.setdefault(annotation.round, {}).setdefault(annotation.key, []).append(vote)
    for votes in rounds.values():
        for given in votes.values():
            given.sort(key=lambda vote: vote.annotator)
    return Ballots(rounds, problems)


def _newest(
    exports: Iterable[Iterable[Mapping[str, Any]]], items: Mapping[str, Item], problems: Problems
) -> Iterable[_Annotation]:
    """The newest state of every annotation."""
    newest: dict[Any, _Annotation] = {}
    for tasks in exports:
        for task in tasks:
            for identity, annotation in _annotations(task, items, problems):
                known = newest.get(identity)
                if known:
                    problems.add("same_annotation", items[annotation.key].id, annotation.annotator)
                if known is None or annotation.updated > known.updated:
                    newest[identity] = annotation
    return newest.values()


def _annotations(
    task: Mapping[str, Any], items: Mapping[str, Item], problems: Problems
) -> Iterable[tuple[Any, _Annotation]]:
    """Each annotation of a task that is one of `items`, with what it is known by in every export."""
    data = task["data"]
    key = data.get("key")
    if key not in items:
        problems.add("foreign_task", f"task {task.get('id')}")
        return
    item = items[key]
    for draft in task.get("drafts") or ():
        if isinstance(draft, dict) and not draft.get("annotation"):
            problems.add("draft", item.id)
    for raw in task["annotations"]:
        annotator = _annotator(raw.get("completed_by"))
        if data.get(SENTENCE) != item.sentence:
            problems.add("changed_sentence", item.id, annotator)
        elif annotator is None:
            problems.add("anonymous", item.id)
        else:
            identity = raw.get("unique_id") or (task.get("project"), raw.get("id"))
            number = int(data.get("round", 1))
            yield identity, _Annotation(_time(raw), key, number, annotator, raw)


def _annotator(completed_by: Any) -> str | None:
    """The number of the annotator's account: some exports have the whole account, with its address."""
    if isinstance(completed_by, dict):
        completed_by = completed_by.get("id")
    return None if completed_by is None else str(completed_by)


def _time(raw: Mapping[str, Any]) -> datetime:
    text = raw.get("updated_at") or raw.get("created_at")
    if not text:
        return datetime.min.replace(tzinfo=timezone.utc)
    moment = datetime.fromisoformat(str(text).replace("Z", "+00:00"))
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)


def _vote(annotation: _Annotation, item: Item, problems: Problems) -> Vote | None:
    who, results = annotation.annotator, annotation.raw.get("result") or []
    if annotation.raw.get("was_cancelled"):
        problems.add("skipped", item.id, who)
        return None
    chosen = [
        choice
        for result in results
        if result.get("from_name") == LABEL
        for choice in result["value"].get("choices", ())
    ]
    if len(chosen) != 1 or chosen[0] not in CHOICES:
        problems.add("no_choice", item.id, who)
        return None
    marked = [result["value"] for result in results if "start" in (result.get("value") or {})]
    if chosen[0] != "incorrect":
        if marked:
            problems.add("marks_without_error", item.id, who)
        return Vote(who, chosen[0])
    marks = [mark for value in marked if (mark := _mark(value, item, who, problems))]
    if not marks:
        problems.add("incorrect_without_marks", item.id, who)
    return Vote(who, "incorrect", tuple(sorted(set(marks), key=lambda m: (m.start, m.end, m.type or ""))))


def _mark(value: Mapping[str, Any], item: Item, who: str, problems: Problems) -> Mark | None:
    place, moved = _locate(item.sentence, value)
    if place is None:
        problems.add("mark_outside", item.id, who)
        return None
    if moved:
        problems.add("mark_moved", item.id, who)
    kinds = [kind for kind in value.get("labels") or () if kind in HALLUCINATION_TYPES]
    if not kinds:
        problems.add("mark_untyped", item.id, who)
    return Mark(*place, kinds[0] if kinds else None)


def _locate(sentence: str, value: Mapping[str, Any]) -> tuple[tuple[int, int] | None, bool]:
    """Code points of the marked words, and whether they had to be looked for.

    Label Studio counts in code points or, by version, in UTF-16 units as JavaScript does; which it is shows
    in the words that it stores beside.
    """
    try:
        start, end = int(value["start"]), int(value["end"])
    except (KeyError, TypeError, ValueError, OverflowError):
        start, end = -1, -1
    inside = 0 <= start < end <= len(sentence)
    text = value.get("text")
    if not text or not isinstance(text, str):
        return ((start, end) if inside else None), False
    if inside and _alike(sentence[start:end], text):
        return (start, end), False
    units = sentence.encode("utf-16-le", "surrogatepass")
    if 0 <= start < end <= len(units) // 2:
        first, last = (len(units[: 2 * at].decode("utf-16-le", "replace")) for at in (start, end))
        if _alike(sentence[first:last], text):
            return (first, last), False
    if sentence.count(text) == 1:
        at = sentence.index(text)
        return (at, at + len(text)), True
    return None, False


def _alike(words: str, text: str) -> bool:
    # A line break is stored as its escape sequence.
    return words == text or words.split() == text.replace("\\n", "\n").split()
