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
        """Hexadecimal digest of how many sentences of each label every captioner has on every image.

        It does not depend on the order of the rows, which several processes do not keep.
        """
        cells = self.labels.astype(np.int64)
        names = []
        for groups in (self.captioner, self.image):
            known = groups or Groups(np.full(len(self), -1), ())
            cells = cells * (len(known.names) + 1) + known.codes + 1
            names.append("\0".join(known.names))
        cells, counts = np.unique(cells, return_counts=True)
        digest = hashlib.sha256("\1".join(names).encode())
        for part in (cells, counts):
            digest.update(part.astype("<i8").tobytes())
        return digest.hexdigest()[:16]
