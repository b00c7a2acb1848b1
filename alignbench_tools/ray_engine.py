"""A detector of this package on several workers or machines, over Ray Data (`alignbench score --engine ray`).

What is to be scored goes as Parquet into ``OUT.parts/captions``; actors that hold the detector read it and
write scores files into ``OUT.parts/scores``, which are merged in the end. Parts of a run that was killed are
kept, and the next run scores the rest. A worker that dies is started again by Ray, and its captions with it.

On several machines `RAY_ADDRESS` names the cluster, `OUT` is on a file system that all of them share, and
alignbench is installed on each; each worker takes a GPU where the cluster has any.
"""

import hashlib
import logging
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
from tqdm import tqdm

from alignbench_tools import detectors, merging, scores, scoring
from alignbench_tools.captions import Caption, Captions, Sentence
from alignbench_tools.scores import Scores

SCHEMA = pa.schema(
    {
        "captioner": pa.string(),
        "image_id": pa.string(),
        "text": pa.string(),
        "sentences": pa.list_(pa.struct({"id": pa.string(), "text": pa.string()})),
        "picture": pa.large_binary(),
    }
)
# What `detectors.build` knows, of all that a command line has.
OPTIONS = ("device", "dtype", "batch_size", "seed")


class Plan(NamedTuple):
    """What the workers need to know: the detector, the header of what they write, and where to."""

    model: str
    options: dict[str, Any]
    header: dict[str, Any]
    folder: Path


class Worker:
    """An actor: a detector, and a scores file for each file of captions that it is given."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._detector = detectors.build(plan.model, plan.options)

    def __call__(self, batch: pa.Table) -> pa.Table:
        """Score the captions in ``file``, the batch's only one; the number of sentences is the answer."""
        (file,) = batch["file"].to_pylist()
        captions, pictures = _captions(pq.read_table(file))
        before = self._detector.identity().get("usage", {})
        answers = scoring.answers(self._detector, captions, lambda caption: pictures[caption.row])
        after = self._detector.identity().get("usage", {})
        usage = {key: value - before.get(key, 0) for key, value in after.items()}
        header = self._plan.header | ({"usage": usage} if usage else {})
        # Captions that are scored again after their worker died overwrite their file.
        ids = "\n".join(sentence.id for caption in captions for sentence in caption.sentences)
        name = hashlib.sha256(ids.encode("utf-8", "surrogatepass")).hexdigest()[:24]
        scores.write(Scores.from_rows(header, answers), self._plan.folder / f"{name}.parquet")
        return pa.table({"sentences": [len(answers)]})


def run(
    model: str,
    options: Mapping[str, Any],
    captions: Captions,
    out: str | Path,
    workers: int = 2,
    name: str | None = None,
    own: Sequence[str] | None = None,
    progress: bool = True,
) -> Scores:
    """Score every sentence of `captions` that neither `out` nor a part holds, and write `out`.

    Like `scoring.run`, whose results these are but for float noise, with the detector ``SCHEME/NAME`` built
    with `options` (those of `OPTIONS`) in each worker. Raises ValueError as it does, if Ray is not installed,
    and for less than one worker.
    """
    out = Path(out)
    if workers < 1:
        raise ValueError(f"--workers {workers}: expected at least 1")
    options = {key: options[key] for key in OPTIONS if options.get(key) is not None}
    with scoring.only_run(out), _Cluster(workers) as cluster:
        identity, at_once, needs_picture = cluster.describe(model, options)
        header = scoring.header_of(identity, captions, name, own)
        header.pop("usage", None)
        journal = scoring.Journal(out, header)
        folder = out.with_name(out.name + ".parts")
        done = _finished(folder / "scores", header)
        todo = [each for each in map(done.rest, journal.unanswered(captions)) if each.sentences]
        if not todo and not done.parts and journal.is_finished:
            return scores.read(out)
        plan = Plan(model, options, header, folder / "scores")
        plan.folder.mkdir(parents=True, exist_ok=True)
        if todo:
            picture = captions.picture if needs_picture else None
            files = _write(todo, picture, folder / "captions", at_once)
            total = sum(len(caption.sentences) for caption in todo)
            with tqdm(total=total, unit="sentence", desc=header["detector"], disable=not progress) as bar:
                for number in cluster.score(plan, files, min(workers, len(files))):
                    bar.update(number)
        merged, _ = merging.merge(_finished(plan.folder, header).parts)
        journal.add(merged.rows())
        usage = merged.header.get("usage")
        result = journal.finish(header | ({"usage": usage} if usage else {}), captions)
        shutil.rmtree(folder)
        return result


class _Finished(NamedTuple):
    """Scores of an earlier run that was killed."""

    parts: list[Scores]
    ids: set[str]

    def rest(self, caption: Caption) -> Caption:
        """`caption` with the sentences that are still to be scored."""
        left = tuple(sentence for sentence in caption.sentences if sentence.id not in self.ids)
        return caption._replace(sentences=left)


def _finished(folder: Path, header: Mapping[str, Any]) -> _Finished:
    parts = [scores.read(path) for path in sorted(folder.glob("*.parquet"))]
    for part in parts:
        scoring.check_resumable(folder.parent, part.header, dict(header))
    again = ("error", "skipped")
    return _Finished(parts, {row.id for part in parts for row in part.rows() if row.status not in again})


def _write(todo: Sequence[Caption], picture: Any, folder: Path, at_once: int) -> list[str]:
    """`todo` as Parquet files of `at_once` captions, those on a picture next to each other: encoders that
    remember pictures then meet it in one worker."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    order = sorted(todo, key=lambda caption: caption.image_id)
    files = []
    for start in range(0, len(order), at_once):
        rows = [
            {
                "captioner": caption.captioner,
                "image_id": caption.image_id,
                "text": caption.text,
                "sentences": [sentence._asdict() for sentence in caption.sentences],
                "picture": picture(caption) if picture else None,
            }
            for caption in order[start : start + at_once]
        ]
        files.append(str(folder / f"{start // at_once:06}.parquet"))
        pq.write_table(pa.Table.from_pylist(rows, schema=SCHEMA), files[-1])
    return files


def _captions(table: pa.Table) -> tuple[list[Caption], list[bytes | None]]:
    rows = table.to_pylist()
    captions = [
        Caption(
            row["captioner"],
            row["image_id"],
            row["text"],
            tuple(Sentence(each["id"], each["text"]) for each in row["sentences"]),
            place,
        )
        for place, row in enumerate(rows)
    ]
    return captions, [row["picture"] for row in rows]


class _Cluster:
    """Ray: the one that `RAY_ADDRESS` names or that is connected already, else one on this machine."""

    def __init__(self, workers: int) -> None:
        # Ray reports its use to its makers unless it is told not to.
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        try:
            import ray
            import ray.data
        except ImportError as error:
            raise ValueError(f"--engine ray: {error}; pip install 'alignbench[ray]'") from None
        self._ray = ray
        self._own = not ray.is_initialized()
        self._workers = workers

    def __enter__(self) -> "_Cluster":
        if self._own:
            # One CPU more than workers: with none left to read files, Ray Data would wait for ever.
            local = {} if os.environ.get("RAY_ADDRESS") else {"num_cpus": self._workers + 1}
            self._ray.init(logging_level=logging.ERROR, log_to_driver=False, **local)
        for logger in ("ray.data", "ray.data._internal"):
            logging.getLogger(logger).setLevel(logging.WARNING)
        self._ray.data.DataContext.get_current().enable_progress_bars = False
        return self

    def __exit__(self, *_: object) -> None:
        if self._own:
            self._ray.shutdown()

    def describe(self, model: str, options: dict[str, Any]) -> tuple[dict[str, Any], int, bool]:
        """The detector's identity, how many captions it takes at once, and whether it needs pictures; asked
        on a worker, whose device may be another one than here."""

        def describe() -> tuple[dict[str, Any], int, bool]:
            detector = detectors.build(model, options)
            return detector.identity(), detector.captions_at_once, detector.needs_picture

        gpus = self._gpus(options)
        # With a GPU one call a process, for the next would find its memory taken; 0 is any number.
        task = self._ray.remote(num_gpus=gpus, max_calls=int(gpus > 0))(describe)
        with self._plainly():
            return self._ray.get(task.remote())

    def score(self, plan: Plan, files: Sequence[str], workers: int) -> Iterator[int]:
        """Score the captions in `files`; the number of sentences of each when they are written.

        The workers read the files: read by Ray Data, small ones become one block, for one worker.
        """
        data = self._ray.data
        found: Iterable[pa.Table] = (
            data.from_items([{"file": file} for file in files], override_num_blocks=len(files))
            .map_batches(
                Worker,
                fn_constructor_args=(plan,),
                batch_size=1,
                batch_format="pyarrow",
                compute=data.ActorPoolStrategy(size=workers),
                num_gpus=self._gpus(plan.options),
            )
            .iter_batches(batch_size=None, batch_format="pyarrow")
        )
        with self._plainly():
            for table in found:
                yield sum(table["sentences"].to_pylist())

    def _gpus(self, options: Mapping[str, Any]) -> int:
        wanted = str(options.get("device") or "cuda").startswith("cuda")
        return int(wanted and self._ray.cluster_resources().get("GPU", 0) > 0)

    def _plainly(self) -> "_Plainly":
        return _Plainly(self._ray.exceptions.RayTaskError)


class _Plainly:
    """Turns a worker's ValueError, which is for the user, into that error without Ray's account of it."""

    def __init__(self, wrapper: type[Exception]) -> None:
        self._wrapper = wrapper

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        while isinstance(error, self._wrapper):
            error = getattr(error, "cause", None)
            if isinstance(error, ValueError) and not isinstance(error, self._wrapper):
                raise ValueError(str(error)) from None
