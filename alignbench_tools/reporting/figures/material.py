"""What figures are drawn from."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from alignbench_tools.reporting.against import Against
from alignbench_tools.reporting.data import Data
from alignbench_tools.reporting.figures.style import SHOWN
from alignbench_tools.reporting.inputs import Entry


@dataclass(frozen=True)
class Material:
    """`entries` best first; `data`, None where all are saved results; `second`, another benchmark."""

    entries: Sequence[Entry]
    data: Data | None = None
    second: Against | None = None

    @cached_property
    def scored(self) -> list[Entry]:
        """The best `SHOWN` entries that have the scores of single sentences."""
        return [entry for entry in self.entries if entry.scores is not None][:SHOWN]

    def with_part(self, part: str, limit: int | None = SHOWN) -> list[Entry]:
        """The best entries whose result has that part of the diagnostics."""
        return [entry for entry in self.entries if entry.result.get(part)][:limit]

    def of_captioner(self, entry: Entry, captioner: str | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Scores (m,) and labels (m,) of the sentences that the entry's result counts, of `captioner` or all.

        A score is NaN where the result counts a missing one as the worst.
        """
        assert self.data is not None
        assert entry.scores is not None
        chosen = self.data.sentences.known.copy()
        if entry.result.signature["missing"] != "worst":
            chosen &= ~np.isnan(entry.scores)
        there = set(entry.result["captioners"])
        if captioner is not None:
            chosen &= (self.data.captioner == captioner) & (captioner in there)
        elif not there >= set(self.data.captioners):
            chosen[np.setdiff1d(np.arange(len(chosen)), self.data.rows_of(there))] = False
        return entry.scores[chosen], self.data.sentences.labels[chosen]
