"""The Inspect task: a sample for each caption, its sentences asked in the solver, AUROC in the log."""

import re
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import numpy as np
from alignbench_auroc import auroc
from inspect_ai import Task
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.model import GenerateConfig, ResponseSchema, get_model
from inspect_ai.scorer import Metric, SampleScore, Scorer, Target, metric, scorer
from inspect_ai.scorer import Score as InspectScore
from inspect_ai.solver import Generate, Solver, TaskState, solver
from inspect_ai.util import JSONSchema

from alignbench_tools.captions import Caption
from alignbench_tools.protocols import Protocol
from alignbench_tools.scores import as_record
from alignbench_tools.vlm.asking import Asker

# Options that say how calls are made, not what is asked.
TRANSPORT = (
    "max_retries",
    "timeout",
    "attempt_timeout",
    "stream_idle_timeout",
    "max_connections",
    "adaptive_connections",
    "cache",
    "batch",
)
LABELS = {"incorrect": 0, "correct": 1}
# Where a sample's `Score`s stand in its store, and what the task says of itself in its metadata.
STORED = "alignbench_sentences"
VERSIONS = "alignbench_versions"
HEADER = "alignbench_scores"
# Passing failures are tried again so often, at growing intervals: a minute and a half in all.
DEFAULTS = {"max_retries": 5, "attempt_timeout": 300}


def build(
    asker: Asker,
    options: GenerateConfig,
    metadata: Mapping[str, Any],
    labels: Mapping[str, str] | None = None,
) -> Task:
    """The task of asking about all captions of `asker`.

    Args:
        asker: asks about one caption.
        options: Inspect's generation options.
        metadata: goes into the log; `logs.scores_from_logs` makes a header from it.
        labels: label by id of sentence, for the log's AUROC; the solver does not look at them.
    """
    by_id = {sample_id(caption): caption for caption in asker.captions}
    samples = [
        Sample(
            id=name,
            input=caption.text,
            target=[labels[sentence.id] for sentence in caption.sentences] if labels else "",
            metadata={"captioner": caption.captioner, "image_id": caption.image_id},
        )
        for name, caption in by_id.items()
    ]
    return Task(
        dataset=MemoryDataset(samples, name="alignbench"),
        solver=ask_sentences(asker, by_id),
        scorer=sentences() if labels else None,
        config=options,
        metadata={HEADER: dict(metadata)},
        # A caption with a sentence that could not be asked is an error for Inspect, so that
        # `inspect eval-retry` asks it again; what was answered is scored all the same.
        score_on_error=True,
    )


def config(protocol: Protocol, changes: Mapping[str, Any] | None = None) -> GenerateConfig:
    """How `protocol` wants its answers generated, in Inspect's terms; `changes` go over it."""
    options = {**DEFAULTS, **protocol.generate}
    schema = options.pop("schema", None)
    if schema:
        name = re.sub(r"\W", "_", protocol.name)
        options["response_schema"] = ResponseSchema(name=name, json_schema=JSONSchema(**schema), strict=True)
    return GenerateConfig(**{**options, **(changes or {})})


def shown_name(model: str, blind: bool = False) -> str:
    """The name of a detector: the model's without the provider's."""
    name = model.partition("/")[2] or model
    return f"{name} (blind)" if blind else name


def identity(protocol: Protocol, options: GenerateConfig, context: str, blind: bool) -> dict[str, Any]:
    """Header fields that say how was asked."""
    return {
        "protocol": protocol.name,
        "protocol_digest": protocol.digest,
        "context": context,
        "parameters": {**parameters(options), **({"blind": True} if blind else {})},
    }


def parameters(options: GenerateConfig) -> dict[str, Any]:
    """Options that can change an answer, without those of transport."""
    return options.model_dump(mode="json", exclude_none=True, exclude=set(TRANSPORT))


def sample_id(caption: Caption) -> str:
    """`captioner/image_id`."""
    return f"{caption.captioner}/{caption.image_id}"


def ask_sentences(asker: Asker, captions: Mapping[str, Caption]) -> Solver:
    """The solver: asks about the caption that a sample stands for."""

    @solver(name="ask_sentences")
    def ask() -> Solver:
        async def solve(state: TaskState, generate: Generate) -> TaskState:
            scores = await asker.ask(captions[str(state.sample_id)], get_model())
            state.store.set(STORED, [as_record(score) for score in scores])
            state.store.set(VERSIONS, sorted(asker.versions))
            failed = [score for score in scores if score.status == "error"]
            if failed:
                raise RuntimeError(
                    f"{len(failed)} of {len(scores)} sentences could not be asked: {failed[0].raw}"
                )
            return state

        return solve

    return ask()


@metric
def auroc_by_captioner() -> Metric:
    """AUROC over the sentences of each captioner, and `mean`, that of the captioners (the paper's Avg.).

    Sentences of unknown label and those without a score are left out.
    """

    def compute(scores: list[SampleScore]) -> dict[str, float]:
        pairs: dict[str, list[tuple[float, int]]] = defaultdict(list)
        for each in scores:
            known = each.score.metadata or {}
            pairs[(each.sample_metadata or {})["captioner"]] += [
                (row["score"], LABELS[label])
                for row, label in zip(known[STORED], known["labels"], strict=False)
                if row["score"] is not None and label in LABELS
            ]
        found = {name: _auroc(pairs[name]) for name in sorted(pairs)}
        finite = [value for value in found.values() if np.isfinite(value)]
        return {**found, "mean": float(np.mean(finite)) if finite else float("nan")}

    return compute


def _auroc(pairs: list[tuple[float, int]]) -> float:
    if not pairs:
        return float("nan")
    values, labels = np.array(pairs, dtype=float).T
    return float(auroc(values, labels.astype(int)))


@scorer(metrics=[auroc_by_captioner()])
def sentences() -> Scorer:
    """The scores and labels of a caption's sentences; its value is the mean of the scores, 0 without any."""

    async def score(state: TaskState, target: Target) -> InspectScore:
        rows = state.store.get(STORED, [])
        given = [row["score"] for row in rows if row["score"] is not None]
        return InspectScore(
            value=float(np.mean(given)) if given else 0.0,
            answer=" | ".join(str(row.get("raw")) for row in rows),
            # Once more, for Inspect does not bring back the store of a sample from a run that was killed.
            metadata={"labels": list(target), STORED: rows, VERSIONS: state.store.get(VERSIONS, [])},
        )

    return score
