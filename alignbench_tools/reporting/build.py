"""From the command's arguments to the page: reads, computes by the metric, draws, renders."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass

from alignbench_tools.reporting import (
    against,
    comparisons,
    gallery,
    inputs,
    leaderboard,
    page,
    provenance,
    tables,
)
from alignbench_tools.reporting import data as data_of
from alignbench_tools.reporting.data import Data, printed
from alignbench_tools.reporting.figures import Figure, all_figures
from alignbench_tools.reporting.figures.material import Material
from alignbench_tools.reporting.inputs import Entry
from alignbench_tools.reporting.page import Card, Gallery, Group
from alignbench_tools.reporting.thumbnails import Thumbnails, fetch
from alignbench_tools.scores import Scores


@dataclass(frozen=True)
class Report:
    """The page's bytes, the tables by file name, the figures, and lines for the terminal."""

    page: bytes
    tables: dict[str, str]
    figures: Sequence[Figure]
    summary: str
    notes: list[str]


def build(args: argparse.Namespace) -> Report:
    """Everything that `alignbench report` writes.

    Raises ValueError and OSError that say which file or option is wrong and what to do.
    """
    files = [inputs.read(path) for path in args.scores]
    second = against.read(args.against) if args.against else None
    scored = any(isinstance(file, Scores) for file in files)
    data = data_of.load(args) if scored else None
    own = inputs.own_captioners(args.own)
    entries = inputs.entries(args.scores, files, data, args.missing, own)
    found = comparisons.compare(entries, data, args.missing)
    board = leaderboard.build(entries, found, args.with_paper)
    names = [row.name for row in board.rows]
    entries = sorted(entries, key=lambda entry: names.index(entry.name))
    drawn, left_out = all_figures(Material(entries, data, second))
    shown = _gallery(args, entries, data)
    summary = _summary(entries, data)
    html = page.render(
        args.title, summary, board, drawn, left_out, shown, provenance.collect(entries, found, data)
    )
    written = {
        "leaderboard.csv": tables.as_csv(board),
        "leaderboard.tex": tables.as_latex(board),
        "leaderboard.md": tables.as_markdown(board),
    }
    notes = [text for _, text in board.notes] + shown.notes[1:]
    return Report(html, written, drawn, _count(len(entries), "detector"), notes)


def _summary(entries: Sequence[Entry], data: Data | None) -> str:
    """What the page is about, in a sentence or two."""
    asked = (
        "Each detector scores whether a sentence matches its picture; the number is the AUROC of its scores "
        "against people's labels, 50 being chance."
    )
    detectors = _count(len(entries), "detector")
    if data is None:
        return f"{detectors}, from saved results. {asked}"
    labelled, captioners = int(data.sentences.known.sum()), len(data.captioners)
    return f"{detectors} on {labelled:,} labelled sentences by {_count(captioners, 'captioner')}. {asked}"


def _gallery(args: argparse.Namespace, entries: Sequence[Entry], data: Data | None) -> Gallery:
    chosen = gallery.choose(entries, args.gallery)
    if data is None or not chosen:
        return Gallery(notes=["Left out: saved results do not hold the scores of single sentences."])
    each = gallery.CARDS // len(chosen)
    found = {entry.name: gallery.mistakes(entry, data, each) for entry in chosen}
    ids = data.table["id"]
    wanted = dict.fromkeys(ids[mistake.row].as_py() for group in found.values() for mistake in group)
    pictures = fetch(args, list(wanted))
    groups = []
    for number, (detector, mistakes) in enumerate(found.items()):
        for code, label, title in (
            (gallery.INCORRECT, "incorrect", "incorrect sentences that it scores high"),
            (gallery.CORRECT, "correct", "correct sentences that it scores low"),
        ):
            cards = [
                _card(mistake, ids[mistake.row].as_py(), number, pictures)
                for mistake in mistakes
                if mistake.label == code
            ]
            if cards:
                groups.append(Group(f"{detector}: {title}", detector, label, cards))
    return Gallery(groups, _gallery_notes(chosen, groups, pictures, args.images))


def _card(mistake: gallery.Mistake, name: str, number: int, pictures: Thumbnails) -> Card:
    anchor = f"mistake-{number}-{mistake.row}"
    return Card(mistake, name, printed(mistake.captioner), anchor, pictures.urls.get(name))


def _gallery_notes(
    chosen: Sequence[Entry], groups: Sequence[Group], pictures: Thumbnails, images: str
) -> list[str]:
    names = ", ".join(entry.name for entry in chosen)
    if not groups:
        return [f"{names}: every correct sentence scores above every incorrect one of its captioner."]
    notes = [
        f"Incorrect sentences that {names} scored high, and correct ones scored low: of each type and "
        "captioner the most confident first. Rank 1 is the captioner's highest score. Marked are the words "
        "that people held to be wrong."
    ]
    lost = {
        reason: number
        for reason, number in pictures.outcomes.items()
        if reason not in ("distinct", "available")
    }
    if images == "skip":
        notes.append("Pictures were left out (--images skip).")
    elif lost:
        why = ", ".join(f"{reason} {number:,}" for reason, number in lost.items())
        total = _count(pictures.outcomes["distinct"], "picture")
        notes.append(f"{sum(lost.values()):,} of {total} could not be had: {why}.")
    return notes


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + ("" if number == 1 else "s")
