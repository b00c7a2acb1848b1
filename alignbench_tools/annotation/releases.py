"""A release folder in the published layout: written from verdicts, or merged from others."""

import csv
import filecmp
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import alignbench
from alignbench_tools.annotation.agreement import fleiss
from alignbench_tools.annotation.folders import link_or_copy, new_folder
from alignbench_tools.annotation.items import Item, json_lines
from alignbench_tools.annotation.votes import Mark, Verdict
from alignbench_tools.verify import OVERRULED_FILE

FLEISS_FILE = "fleiss_by_model.csv"
_FLEISS_COLUMNS = ("model", "N_items", "kappa", "P_bar", "P_e")


def row(item: Item, verdict: Verdict) -> tuple[dict[str, Any], bool]:
    """The 16 columns of a sentence in the release's order, and whether phrases had to be widened."""
    phrases, widened = written(item.sentence, verdict.spans)
    types = [span.type or "Other" for span in verdict.spans]
    correct, incorrect, unknown = verdict.counts
    columns = {
        "model": item.model,
        "image_source": item.image_source,
        "image_name": item.image_name,
        "image_type": item.image_type,
        "sentence_index": item.sentence_index,
        "caption": item.sentence,
        "annotation": verdict.label,
        "error_type": (types[0] if len(set(types)) == 1 else "; ".join(types)) if types else None,
        "error_words": phrases,
        "agreement_ratio": verdict.agreement,
        "fleiss_Pi": verdict.fleiss_pi,
        "n_correct": correct,
        "n_incorrect": incorrect,
        "n_unknown": unknown,
        "image_url": item.image_url,
        "image_path_in_repo": item.image_path_in_repo,
    }
    return columns, widened


def written(sentence: str, spans: Sequence[Mark]) -> tuple[list[str], bool]:
    """The phrases that a reader of the release finds at `spans`, and whether one had to be widened.

    The published layout has words, not places. A phrase that would be found elsewhere (the second of two)
    takes in neighbouring words until it is found where it stands.
    """
    phrases = [sentence[span.start : span.end] for span in spans]
    if _found(sentence, phrases) == [(span.start, span.end) for span in spans]:
        return phrases, False
    phrases = []
    for span in spans:
        for start, end in _wider(sentence, span.start, span.end):
            if _found(sentence, [*phrases, sentence[start:end]])[-1] == (start, end):
                phrases.append(sentence[start:end])
                break
        else:
            phrases.append(sentence[span.start : span.end])
    return phrases, True


def _found(sentence: str, phrases: Sequence[str]) -> list[tuple[int, int] | None]:
    return [span and (span.start, span.end) for span in alignbench.find_spans(sentence, phrases)]


def _wider(sentence: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """The place itself, then with ever more whole words on the left, on the right, on both sides."""
    starts = [start, *(at for at in range(start - 1, -1, -1) if _begins_word(sentence, at))]
    ends = [end, *(at for at in range(end + 1, len(sentence) + 1) if _ends_word(sentence, at))]
    pairs = [(left, right) for left in range(len(starts)) for right in range(len(ends))]
    for left, right in sorted(pairs, key=lambda pair: (sum(pair), pair[1])):
        yield starts[left], ends[right]


def _begins_word(sentence: str, at: int) -> bool:
    return not sentence[at].isspace() and (at == 0 or sentence[at - 1].isspace())


def _ends_word(sentence: str, at: int) -> bool:
    return not sentence[at - 1].isspace() and (at == len(sentence) or sentence[at].isspace())


def write_rows(folder: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Write the release's JSONL and `fleiss_by_model.csv` into `folder`."""
    models: list[str] = []
    votes: list[tuple[int, int, int]] = []
    with (folder / alignbench.RELEASE_FILE).open("w", encoding="utf-8", newline="\n") as file:
        for columns in rows:
            file.write(json.dumps(columns, ensure_ascii=False) + "\n")
            models.append(columns["model"])
            votes.append((columns["n_correct"], columns["n_incorrect"], columns["n_unknown"]))
    counts = np.array(votes, dtype=np.int64).reshape(-1, 3)
    (folder / FLEISS_FILE).write_text(fleiss_csv(models, counts), encoding="utf-8")


def fleiss_csv(models: Sequence[str], counts: np.ndarray) -> str:
    """`fleiss_by_model.csv` as text; undefined figures are empty."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_FLEISS_COLUMNS)
    for model, figures in fleiss(models, counts).items():
        writer.writerow([model, *(figures.get(name, "") for name in _FLEISS_COLUMNS[1:])])
    return text.getvalue()


class Merged(NamedTuple):
    """How many sentences each release gave, and what a user should know."""

    sentences: list[int]
    notes: list[str]


def merge(folders: Sequence[Path], out: Path) -> Merged:
    """Write the releases in `folders` as one, in their order, to the new folder `out`.

    Lines are kept byte for byte, pictures are linked or copied, lists of withdrawn and overruled sentences
    joined, and `fleiss_by_model.csv` is computed from all votes.

    Raises ValueError, and writes nothing, where two releases have a sentence of the same id or different
    pictures at one path, or a line is no JSON object; FileNotFoundError for a folder that is no release.
    """
    if len(folders) < 2:
        raise ValueError("merging takes at least two release folders")
    with new_folder(out) as target:
        merged = _merge_lines(folders, target)
        for name in (alignbench.WITHDRAWN_FILE, OVERRULED_FILE):
            paths = [folder / name for folder in folders if (folder / name).is_file()]
            if paths:
                (target / name).write_bytes(b"".join(_closed(path.read_bytes()) for path in paths))
        for folder in folders:
            _merge_pictures(folder, target)
    return merged


def _merge_lines(folders: Sequence[Path], target: Path) -> Merged:
    owner: dict[str, int] = {}
    pictures: dict[str, set[tuple[Any, Any]]] = {}
    models: list[str] = []
    votes: list[list[int]] = []
    sentences = []
    with (target / alignbench.RELEASE_FILE).open("wb") as file:
        for number, folder in enumerate(folders):
            before = len(models)
            path = folder / alignbench.RELEASE_FILE
            for line, record in json_lines(path):
                identity = "/".join(str(record.get(key)) for key in ("model", "image_name", "sentence_index"))
                if (known := owner.setdefault(identity, number)) != number:
                    raise ValueError(
                        f"{path}, line {line}: {folders[known]} has a sentence {identity}, too; rename the "
                        "captioner of one of them, or leave the sentence out"
                    )
                picture = (record.get("image_url"), record.get("image_path_in_repo"))
                pictures.setdefault(str(record.get("image_name")), set()).add(picture)
                models.append(str(record.get("model")))
                votes.append([_count(record, name) for name in ("n_correct", "n_incorrect", "n_unknown")])
            sentences.append(len(models) - before)
            file.write(_closed(path.read_bytes()))
    text = fleiss_csv(models, np.array(votes, dtype=np.int64).reshape(-1, 3))
    (target / FLEISS_FILE).write_text(text, encoding="utf-8")
    return Merged(sentences, _shared_names(pictures))


def _shared_names(pictures: Mapping[str, set[tuple[Any, Any]]]) -> list[str]:
    """A remark where one image_name stands for several pictures, for it is the unit of the bootstrap."""
    shared = sorted(name for name, places in pictures.items() if len(places) > 1)
    if not shared:
        return []
    listed = ", ".join(shared[:5]) + (", …" if len(shared) > 5 else "")
    return [f"image names of several pictures, which count as one image: {len(shared):,} ({listed})"]


def _count(record: Mapping[str, Any], name: str) -> int:
    """A number of votes as the reader of a release takes it: nothing for what is none."""
    try:
        return max(0, int(float(record.get(name) or 0)))
    except (TypeError, ValueError, OverflowError):
        return 0


def _closed(text: bytes) -> bytes:
    text = text.removeprefix(b"\xef\xbb\xbf")
    return text if not text or text.endswith(b"\n") else text + b"\n"


def _merge_pictures(folder: Path, target: Path) -> None:
    for file in sorted((folder / "images").rglob("*")):
        if not file.is_file():
            continue
        place = target / file.relative_to(folder)
        if not place.exists():
            link_or_copy(file, place)
        elif not filecmp.cmp(file, place, shallow=False):
            raise ValueError(
                f"{file}: another release has a different picture at {file.relative_to(folder)}; "
                "rename it, and image_path_in_repo with it"
            )
