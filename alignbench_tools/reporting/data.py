"""The labelled sentences that the scores are of, without their pictures."""

import argparse
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import alignbench_auroc
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

import alignbench
from alignbench_tools import release
from alignbench_tools.captions import Captions

# The paper's columns, in its order and spelling; a captioner that it does not have keeps its own name.
DESCRIBED = {
    "sharegpt": "S-GPT",
    "llava": "LLaVA",
    "qwen": "Qwen-2",
    "gpt4o": "GPT4o",
    "cogvlm": "CogVLM",
    "llama-4": "Llama-4",
}
DRAWN = {"sd": "SD", "gpt4o-imagen": "GPT-Gen"}
PRINTED = DESCRIBED | DRAWN


@dataclass(frozen=True, eq=False)
class Data:
    """n sentences: `table` has the columns of config ``sentences`` (n rows, ``image`` null), `columns` those
    that the metric takes, `sentences` the same checked, `read` what was read, as in a header of scores."""

    table: pa.Table
    columns: dict[str, Any]
    sentences: alignbench_auroc.Sentences
    read: dict[str, Any]
    report: alignbench.Report

    @cached_property
    def captioners(self) -> list[str]:
        """Release keys, in the paper's order."""
        return in_order(pc.unique(self.table["captioner"]).to_pylist())

    @cached_property
    def captioner(self) -> np.ndarray:
        """Whose sentence each is, (n,) of str."""
        return np.array(self.table["captioner"].to_pylist(), dtype=object)

    def rows_of(self, captioners: Collection[str]) -> np.ndarray:
        """The row numbers of those captioners, ascending."""
        return np.flatnonzero(np.isin(self.captioner, list(captioners)))

    def sentences_of(self, captioners: Collection[str]) -> alignbench_auroc.Sentences:
        """The checked sentences of those captioners, in the order of `rows_of`."""
        if set(captioners) >= set(self.captioners):
            return self.sentences
        rows = pa.array(self.rows_of(captioners))
        columns = {name: None if each is None else each.take(rows) for name, each in self.columns.items()}
        return alignbench_auroc.check_columns(**columns)


def config_of(args: argparse.Namespace) -> str:
    """The dataset's config that `args` asks for."""
    return "sample" if args.sample else "sentences"


def load(args: argparse.Namespace) -> Data:
    """The sentences that `args` asks for; no picture is looked for."""
    dataset = release.load_sentences(args, images="skip")
    columns = alignbench_auroc.columns(dataset)
    return Data(
        dataset.with_format("arrow")[:].combine_chunks(),
        columns,
        alignbench_auroc.check_columns(**columns),
        Captions(dataset).data,
        alignbench.report(dataset),
    )


def in_order(captioners: Sequence[str]) -> list[str]:
    """`captioners` as the paper orders them, those that it does not have after them by name."""
    known = list(PRINTED)
    return sorted(captioners, key=lambda name: (known.index(name) if name in PRINTED else len(known), name))


def printed(captioner: str) -> str:
    """A captioner's name as the paper's tables print it."""
    return PRINTED.get(captioner, captioner)
