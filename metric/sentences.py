"""The judged sentences as plain arrays: labels and the columns that group them, built by `checks`.

A null (None, "", NaN, a negative number) in a grouping column means "not known".
"""

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

INCORRECT, CORRECT, UNKNOWN = 0, 1, 2
TYPES = ("Attribute", "Object", "Number", "Location", "Direction", "Relation", "Text", "Illusion", "Other")


class Groups(NamedTuple):
    """A column of names as `codes` (n,) into the sorted `names`; -1 where the name is not known."""

    codes: np.ndarray
    names: tuple[str, ...]

    def take(self, rows: np.ndarray) -> "Groups":
        return Groups(self.codes[rows], self.names)


class Tags(NamedTuple):
    """A column of lists of type codes: `codes` (k,) and the row each belongs to, `rows` (k,)."""

    rows: np.ndarray
    codes: np.ndarray

    def take(self, rows: np.ndarray, size: int) -> "Tags":
        place = np.full(size, -1)
        place[rows] = np.arange(len(rows))
        moved = place[self.rows]
        return Tags(moved[moved >= 0], self.codes[moved >= 0])


@dataclass(frozen=True, eq=False)
class Sentences:
    """n sentences: labels (n,) int8 and whatever else is known of them, None where nothing is."""

    labels: np.ndarray
    captioner: Groups | None = None
    image: Groups | None = None
    position: np.ndarray | None = None
    types: Tags | None = None
    domain: Groups | None = None

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, rows: np.ndarray) -> "Sentences":
        """The sentences of `rows` (m,), indices without repetition, in that order."""
        return Sentences(
            self.labels[rows],
            self.captioner and self.captioner.take(rows),
            self.image and self.image.take(rows),
            None if self.position is None else self.position[rows],
            self.types and self.types.take(rows, len(self)),
            self.domain and self.domain.take(rows),
        )

    @cached_property
    def labelled(self) -> "Sentences":
        """Those that are correct or incorrect."""
        return self if self.known.all() else self.take(np.flatnonzero(self.known))

    @cached_property
    def known(self) -> np.ndarray:
        return self.labels != UNKNOWN

    @cached_property
    def positive(self) -> np.ndarray:
        return self.labels == CORRECT

    @cached_property
    def digest(self) -> str:
        """Hexadecimal digest of the sentences: label, captioner, image and position, as far as known.

        It does not depend on the order of the rows, which several processes do not keep. So rows that agree
        in all of these are not told apart, and without the columns only the numbers of labels count.
        """
        digest = hashlib.sha256()
        rows = self.labels.astype(np.uint64)
        for column in (self.captioner, self.image, self.position):
            codes = column.codes if isinstance(column, Groups) else column
            if codes is None:
                continue
            rows = _scrambled(rows + codes.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15))
            digest.update("\0".join(column.names).encode() if isinstance(column, Groups) else b"position")
            digest.update(b"\1")
        # Sums do not depend on the order; two of them, lest different rows should meet in one.
        for part in (rows, _scrambled(~rows)):
            digest.update(part.sum(dtype=np.uint64).astype("<u8").tobytes())
        digest.update(str(len(self)).encode())
        return digest.hexdigest()[:16]


def _scrambled(values: np.ndarray) -> np.ndarray:
    """Each uint64 to another one that depends on all of its bits (SplitMix64, Steele et al., OOPSLA 2014)."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))
