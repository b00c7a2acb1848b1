"""Detectors that never look at the picture: the floor that any detector must beat.

Captioners tend to err later in a caption and in longer sentences, so that two of them are above chance.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import alignbench
from alignbench_tools.captions import Caption, Sentence
from alignbench_tools.scores import Score


def position(sentence: Sentence, seed: int) -> float:
    """Less the sentence's index in its caption."""
    return 0.0 - float(sentence.id.rpartition("/")[2])


def length(sentence: Sentence, seed: int) -> float:
    """Less the number of words."""
    return 0.0 - len(sentence.text.split())


def constant(sentence: Sentence, seed: int) -> float:
    """Always the same: its AUROC is 0.5."""
    return 0.0


def random(sentence: Sentence, seed: int) -> float:
    """Even over [0, 1), and the same for a sentence whatever else is scored, and where."""
    digest = hashlib.sha256(f"{seed}\0{sentence.id}".encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:6], "big") / 2**48


CONTROLS: dict[str, Callable[[Sentence, int], float]] = {
    "position": position,
    "length": length,
    "constant": constant,
    "random": random,
}


class Control:
    """One of `CONTROLS`."""

    needs_picture = False
    captions_at_once = 1024

    def __init__(self, name: str, seed: int = 0) -> None:
        self.name, self.seed = name, seed

    def identity(self) -> dict[str, Any]:
        """The header; a seed where there is one."""
        return {
            "detector": f"control/{self.name}",
            "model": f"control/{self.name}",
            "model_version": alignbench.__version__,
            "protocol": "control",
            "parameters": {"seed": self.seed} if self.name == "random" else {},
        }

    def score(self, captions: Sequence[Caption], pictures: Sequence[bytes | None]) -> Iterator[Score]:
        """A score for each sentence."""
        for sentence in _sentences(captions):
            yield Score(sentence.id, CONTROLS[self.name](sentence, self.seed))


def _sentences(captions: Iterable[Caption]) -> Iterator[Sentence]:
    return (sentence for caption in captions for sentence in caption.sentences)


def build(name: str, options: Mapping[str, Any]) -> Control:
    """The control of that name; option `seed`."""
    if name not in CONTROLS:
        raise ValueError(f"control/{name}: expected one of {', '.join(CONTROLS)}")
    return Control(name, options.get("seed") or 0)
