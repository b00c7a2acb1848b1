"""Running a detector of this machine over captions, so that nothing is scored twice and nothing is lost."""

import datetime
import json
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import filelock
from tqdm import tqdm

import alignbench
from alignbench_tools import scores
from alignbench_tools.captions import Caption, Captions
from alignbench_tools.scores import Score, Scores

NO_PICTURE = "no picture: the sentence is not judged blind"


class Detector(Protocol):
    """A detector that runs here: what `alignbench_tools.detectors` builds."""

    needs_picture: bool
    captions_at_once: int

    def identity(self) -> dict[str, Any]:
        """Header fields: detector, model, model_version, protocol, parameters, versions, ..."""

    def score(self, captions: Sequence[Caption], pictures: Sequence[bytes | None]) -> Iterable[Score]:
        """One `Score` for each sentence, in order."""


def header_of(
    identity: dict[str, Any], captions: Captions, name: str | None = None, own: Sequence[str] | None = None
) -> dict[str, Any]:
    """The header of a run that begins now; `name` is what tables call the detector, `own` are the captioners
    that are the same model."""
    now = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
    versions = {"alignbench": alignbench.__version__, **identity.get("versions", {})}
    header = {**identity, "versions": versions, "data": captions.data, "date": now}
    return header | ({"detector": name} if name else {}) | ({"own_captioners": list(own)} if own else {})


def run(
    detector: Detector,
    captions: Captions,
    out: str | Path,
    name: str | None = None,
    own: Sequence[str] | None = None,
    progress: bool = True,
) -> Scores:
    """Score every sentence of `captions` that `out` does not hold yet, and write `out`.

    `name` and `own` as for `header_of`.

    What is scored stands in ``OUT.part`` at once, so that a run that was killed goes on where it was; a
    sentence whose status is "error" or "skipped" is asked again. Sentences that `out` holds beyond
    `captions`, from a run with other captioners or a larger limit, stay.

    Raises ValueError if `out` or its part is of another detector, protocol, parameters or data (the message
    lists the differences), if the detector answers for other sentences than it was asked, and if `out` is
    being written by another process.
    """
    out = Path(out)
    with only_run(out):
        header = header_of(detector.identity(), captions, name, own)
        journal = Journal(out, header)
        todo = journal.unanswered(captions)
        if not todo and journal.is_finished:
            return scores.read(out)
        total = sum(len(caption.sentences) for caption in todo)
        with tqdm(
            total=total, unit="sentence", desc=header["detector"], disable=not progress, delay=1
        ) as bar:
            for batch in _batches(todo, detector.captions_at_once):
                found = answers(detector, batch, captions.picture)
                journal.add(found)
                bar.update(len(found))
        header |= {key: value for key, value in detector.identity().items() if key == "usage"}
        return journal.finish(header, captions)


class only_run:  # noqa: N801 - used like a function, in `with`
    """Holds the right to write `out`; ValueError if another process has it."""

    def __init__(self, out: Path) -> None:
        if out.suffix not in (".jsonl", ".parquet"):
            raise ValueError(f"{out}: expected a name that ends in .jsonl or .parquet")
        out.parent.mkdir(parents=True, exist_ok=True)
        self._out = out
        self._lock = filelock.FileLock(f"{out}.lock", timeout=0)

    def __enter__(self) -> None:
        try:
            self._lock.acquire()
        except filelock.Timeout:
            raise ValueError(
                f"{self._out} is being written by another run; wait for it, or take another --out"
            ) from None

    def __exit__(self, *_: object) -> None:
        self._lock.release()


class Journal:
    """What is scored so far: the finished `out`, and lines that were added to ``OUT.part`` since."""

    def __init__(self, out: Path, header: dict[str, Any]) -> None:
        self._out = out
        self._part = out.with_name(out.name + ".part")
        self._rows: dict[str, Score] = {}
        for path in (out, self._part):
            if path.exists():
                known, rows = _known(path)
                if known:
                    check_resumable(path, known, header)
                self._rows |= {row.id: row for row in rows}
        if self._part.exists():
            _drop_torn_line(self._part)
        self._header = header
        self._synced = 0.0

    @property
    def is_finished(self) -> bool:
        """Whether `out` holds everything that was ever answered."""
        return self._out.exists() and not self._part.exists()

    def rows(self) -> list[Score]:
        """Everything that was ever answered."""
        return list(self._rows.values())

    def unanswered(self, captions: Iterable[Caption]) -> list[Caption]:
        """`captions` with the sentences that are still to be asked."""
        again = ("error", "skipped")
        todo = []
        for caption in captions:
            left = tuple(
                sentence
                for sentence in caption.sentences
                if sentence.id not in self._rows or self._rows[sentence.id].status in again
            )
            if left:
                todo.append(caption._replace(sentences=left))
        return todo

    def add(self, answers: Sequence[Score]) -> None:
        """Keep `answers`: what was added survives the end of this process, and that of the machine a second
        later."""
        self._append([scores.as_record(answer) for answer in answers])
        self._rows |= {answer.id: answer for answer in answers}

    def finish(self, header: dict[str, Any], captions: Iterable[Caption]) -> Scores:
        """Write `out`, in the order of `captions`, and remove the part."""
        order = {sentence.id: None for caption in captions for sentence in caption.sentences}
        rows = [self._rows[name] for name in [*order, *(name for name in self._rows if name not in order)]]
        result = Scores.from_rows(header, rows, str(self._out))
        scores.write(result, self._out)
        self._part.unlink(missing_ok=True)
        return result

    def _append(self, records: Sequence[dict[str, Any]]) -> None:
        if not self._part.exists() or not self._part.stat().st_size:
            records = [{scores.KEY: scores.FORMAT, **self._header}, *records]
        lines = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)
        with open(self._part, "ab") as file:
            file.write(lines.encode())
            file.flush()
            # Waiting for the disk at every answer would make it the slowest part of asking a model.
            if time.monotonic() - self._synced > 1:
                os.fsync(file.fileno())
                self._synced = time.monotonic()


def check_resumable(path: Path, known: dict[str, Any], header: dict[str, Any]) -> None:
    """ValueError if the run that wrote `path` was another one than `header` describes."""
    try:
        scores.check_same(known, header, f"{path} holds another run: it and this one")
    except ValueError as error:
        raise ValueError(f"{error}; take another --out, or delete {path.name} to begin anew") from None


def _known(path: Path) -> tuple[dict[str, Any], list[Score]]:
    """Header and rows of a scores file, or of a part: its last line may be torn, its rows may repeat."""
    if path.suffix != ".part":
        found = scores.read(path)
        return found.header, found.rows()
    lines = path.read_bytes().split(b"\n")[:-1]
    records = [json.loads(line) for line in lines]
    return (records[0] if records else {}), [Score(**record) for record in records[1:]]


def _drop_torn_line(path: Path) -> None:
    data = path.read_bytes()
    if data and not data.endswith(b"\n"):
        with open(path, "r+b") as file:
            file.truncate(data.rfind(b"\n") + 1)


def _batches(captions: Sequence[Caption], size: int) -> Iterator[Sequence[Caption]]:
    for start in range(0, len(captions), size):
        yield captions[start : start + size]


def answers(
    detector: Detector, batch: Sequence[Caption], picture: Callable[[Caption], bytes | None]
) -> list[Score]:
    """The detector's answers; sentences without picture are skipped where it needs one."""
    if not detector.needs_picture:
        return _checked(batch, detector.score(batch, [None] * len(batch)))
    pictures = [picture(caption) for caption in batch]
    seen = [(caption, data) for caption, data in zip(batch, pictures, strict=True) if data is not None]
    blind = [caption for caption, data in zip(batch, pictures, strict=True) if data is None]
    skipped = [Score(s.id, None, "skipped", NO_PICTURE) for caption in blind for s in caption.sentences]
    if not seen:
        return skipped
    asked, given = zip(*seen, strict=True)
    return _checked(asked, detector.score(asked, given)) + skipped


def _checked(asked: Sequence[Caption], answers: Iterable[Score]) -> list[Score]:
    given = list(answers)
    wanted = [sentence.id for caption in asked for sentence in caption.sentences]
    if [answer.id for answer in given] != wanted:
        raise ValueError(
            f"the detector was asked for {len(wanted)} sentences from {wanted[0]!r} on and answered for "
            f"{len(given)} others or in another order; it must give one score a sentence"
        )
    return given
