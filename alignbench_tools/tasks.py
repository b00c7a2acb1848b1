"""AlignBench for Inspect: ``inspect eval alignbench_tools/tasks.py --model openai/gpt-4o``.

Options are given as ``-T name=value``; the installed package has it as ``alignbench_tools/alignbench``.
Give ``--no-log-images`` (pictures make logs large) and ``--no-log-realtime`` (faster) as well. Scores files
are made from the logs by `alignbench_tools.vlm.logs`.
"""

from collections.abc import Sequence

import datasets
from inspect_ai import Task, task

import alignbench as dataset
from alignbench_tools import protocols, scoring
from alignbench_tools.captions import Captions
from alignbench_tools.vlm.asking import Asker
from alignbench_tools.vlm.task import build, config, identity


@task
def alignbench(
    protocol: str = "score-100",
    data_dir: str | None = None,
    release: str | None = None,
    revision: str | None = None,
    captioners: str | Sequence[str] | None = None,
    limit: int | None = None,
    context: str = "none",
    blind: bool = False,
    sample: bool = False,
) -> Task:
    """Is this sentence true of this picture? A sample for each caption, a question for each sentence.

    Args:
        protocol: score-100, p-yes, expected-score, caption-json, localize, or a YAML file.
        data_dir: a local release folder; the Hub's release by default.
        release: another dataset repo on the Hub.
        revision: another branch, tag or commit of it.
        captioners: only these, separated by commas.
        limit: only the first so many sentences.
        context: none, each sentence alone; caption, with the whole caption.
        blind: ask without pictures, as a control.
        sample: the embedded sample, which needs no network.
    """
    names = captioners.split(",") if isinstance(captioners, str) else captioners
    options = {"data_dir": data_dir, "release": release, "revision": revision, "captioners": names}
    given = {name: value for name, value in options.items() if value is not None}
    if sample and given:
        raise ValueError(f"sample=true and {', '.join(given)}: the embedded sample takes no such option")
    # Rows come from whatever release is named; the builder says what is wrong with it.
    rows = datasets.load_dataset("alignbench", "sample" if sample else "sentences", split="test", **given)
    labels = rows.features["label"].int2str(rows["label"][:])
    asked = protocols.load(protocol)
    captions = Captions(rows, limit)
    asker = Asker(captions, asked, context, blind)
    header = scoring.header_of(identity(asked, config(asked), context, blind), captions)
    return build(asker, config(asked), header, dict(zip(rows["id"][:], labels, strict=True)))


# `load_dataset("alignbench")` is a name that importing the module makes known.
assert dataset
