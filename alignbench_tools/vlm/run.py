"""`alignbench score` with a model of Inspect's: resumable, every sentence scored exactly once."""

import contextlib
import gc
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import inspect_ai
from inspect_ai import Task
from inspect_ai.model import Model, get_model
from tqdm import tqdm

from alignbench_tools import scores
from alignbench_tools.captions import Caption, Captions
from alignbench_tools.protocols import Protocol
from alignbench_tools.scores import Score, Scores
from alignbench_tools.scoring import Journal, header_of, only_run
from alignbench_tools.vlm import costs, task
from alignbench_tools.vlm.asking import Asker

CONNECTIONS = 50


class Unanswered(Sequence[Caption]):
    """Those captions of `captions` that are still to be asked."""

    def __init__(self, captions: Captions, todo: Sequence[Caption]) -> None:
        self._todo = todo
        self.picture: Callable[[Caption], bytes | None] = captions.picture

    def __len__(self) -> int:
        return len(self._todo)

    def __getitem__(self, index: Any) -> Any:
        return self._todo[index]


def run(
    captions: Captions,
    model: str,
    protocol: Protocol,
    out: str | Path,
    *,
    context: str = "none",
    blind: bool = False,
    name: str | None = None,
    own: Sequence[str] | None = None,
    connections: int = CONNECTIONS,
    base_url: str | None = None,
    model_args: Mapping[str, Any] | None = None,
    generate: Mapping[str, Any] | None = None,
    prices: Mapping[str, costs.Price] | None = None,
    progress: bool = True,
) -> Scores:
    """Ask `model` about every sentence that `out` does not hold yet, and write `out`.

    Each reply stands in ``OUT.part`` as soon as it is there: a run that was killed goes on where it was, and
    pays at most for what was under way. Sentences with status "error" or "skipped" are asked again. Inspect's
    logs, with every conversation, lie in ``OUT.logs``.

    Args:
        captions: what to ask about.
        model: a name of Inspect's, such as ``openai/gpt-4o``.
        protocol: prompts and how replies are read.
        out: the scores file, .jsonl or .parquet.
        context: ``none``, each sentence alone; ``caption``, with the whole caption.
        blind: ask without pictures, as a control of what the text alone gives away.
        name: what tables call the detector; the model's name without the provider by default.
        own: captioners that are the same model, for self-preference.
        connections: calls at a time.
        base_url, model_args: as Inspect's ``get_model`` takes them.
        generate: fields of Inspect's ``GenerateConfig``, over the protocol's own.
        prices: by model, for the cost in the header.
        progress: show a bar.

    Raises ValueError if nothing could be asked (wrong key, unknown model, model without vision: the message
    says what to do, and no score is written), if `out` is of another run, and if another process writes it.
    """
    out = Path(out)
    with only_run(out):
        engine = _engine(model, base_url, model_args)
        options = task.config(protocol, generate)
        identity = {
            "detector": task.shown_name(model, blind),
            "model": model,
            "model_version": ", ".join(sorted(_versions(out))),
            **task.identity(protocol, options, context, blind),
            "versions": {"inspect-ai": inspect_ai.__version__},
        }
        header = header_of(identity, captions, name, own)
        journal = Journal(out, header)
        todo = journal.unanswered(captions)
        if not todo and journal.is_finished:
            return scores.read(out)
        if protocol.kind == "caption":
            todo = _whole(todo, captions)
        total = sum(len(caption.sentences) for caption in todo)
        with tqdm(total=total, unit="sentence", desc=header["detector"], disable=not progress) as bar:
            keeper = Keeper(journal, header, bar)
            asker = Asker(Unanswered(captions, todo), protocol, context, blind, keeper.keep)
            with collecting_rarely():
                _evaluate(asker, task.build(asker, options, header), engine, out, connections)
        keeper.flush()
        header["usage"] = costs.usage(journal.rows(), costs.price_of(model, prices))
        return journal.finish(header, captions)


class Keeper:
    """Puts answers into the journal as they come, and who gave them into the header.

    Failures and skipped sentences alone are no result: they wait for the first answer, so that a run in which
    nothing could be asked leaves nothing behind.
    """

    def __init__(self, journal: Journal, header: dict[str, Any], bar: tqdm) -> None:
        self._journal = journal
        self._header = header
        self._bar = bar
        self._waiting: list[Score] = []
        self._answered = False

    def keep(self, answers: Sequence[Score], version: str | None) -> None:
        """Keep `answers`; `version` is who gave them, None if nobody did."""
        self._bar.update(len(answers))
        self._waiting.extend(answers)
        if version:
            self._answered = True
            known = filter(None, self._header["model_version"].split(", "))
            self._header["model_version"] = ", ".join(sorted({*known, version}))
        if self._answered:
            self.flush()

    def flush(self) -> None:
        """Keep also what waits."""
        if self._waiting:
            self._journal.add(self._waiting)
            self._waiting.clear()


def _whole(todo: Sequence[Caption], captions: Captions) -> list[Caption]:
    """The captions of `todo` with all their sentences, which are asked about in one question."""
    rows = {caption.row for caption in todo}
    return [caption for caption in captions if caption.row in rows]


@contextlib.contextmanager
def collecting_rarely() -> Iterator[None]:
    """Python's garbage collector at long intervals, and not over what is there already.

    A run makes many short-lived objects beside a large data set: with the usual intervals the collector,
    which walks over the data set again and again, takes a third of the time.
    """
    usual = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
    try:
        yield
    finally:
        gc.set_threshold(*usual)
        gc.unfreeze()


def _engine(model: str, base_url: str | None, model_args: Mapping[str, Any] | None) -> Model:
    """Inspect's model; ValueError if its key, its package or the model itself is missing."""
    try:
        # A client of its own: one that another run has left belongs to an event loop that is gone.
        return get_model(model, base_url=base_url, memoize=False, **(model_args or {}))
    except Exception as error:
        raise ValueError(f"--model {model}: {_plain(error)}") from None


def _plain(error: BaseException) -> str:
    """The message without the markup of terminals."""
    return re.sub(r"\[/?[a-z ]*\]", "", " ".join(str(error).split()))


def _evaluate(asker: Asker, work: Task, engine: Model, out: Path, connections: int) -> None:
    """Run the task; ValueError if it could not go on."""
    logs = inspect_ai.eval(
        work,
        model=engine,
        display="none",
        score=False,
        log_dir=f"{out}.logs",
        log_images=False,
        # The conversations are in the log anyway; the raw calls beside them take a seventh of the time.
        log_model_api=False,
        log_realtime=False,
        log_header_only=True,
        max_connections=connections,
        max_samples=connections,
    )
    if asker.failure:
        raise ValueError(asker.failure)
    # Inspect takes Ctrl+C for itself, and then returns what it has: no log, if it was early.
    if not logs or logs[0].status == "cancelled":
        raise KeyboardInterrupt
    (log,) = logs
    if log.error:
        raise ValueError(f"Inspect ended the run: {log.error.message}; its log is {log.location}")


def _versions(out: Path) -> set[str]:
    """The names under which the provider answered in earlier parts of this run."""
    headers = []
    if out.exists():
        headers.append(scores.read(out).header)
    part = out.with_name(out.name + ".part")
    if part.exists():
        with open(part, encoding="utf-8") as lines:
            headers.append(json.loads(next(lines, "{}")))
    return {name for header in headers for name in header.get("model_version", "").split(", ") if name}
