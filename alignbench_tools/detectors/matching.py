"""What every detector does that sees a picture once and compares sentences with what it saw."""

import math
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from typing import Any, Protocol

from PIL import Image

from alignbench_tools.captions import Caption, Sentence
from alignbench_tools.detectors import pictures as images
from alignbench_tools.scores import Score


class Matcher(Protocol):
    """A model that compares pictures with texts."""

    window: int
    """Tokens of a text that the model reads, special ones included."""
    seen_at_most: int
    """For how many pictures what was seen is kept."""

    def identity(self) -> dict[str, Any]:
        """Header fields: detector, model, model_version, protocol, parameters, versions."""

    def lengths(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text, special ones included, before anything is cut."""

    def see(self, pictures: Sequence[Image.Image]) -> Sequence[Any]:
        """What the model keeps of each picture."""

    def compare(self, seen: Sequence[Any], texts: Sequence[str]) -> list[float]:
        """How well each text fits what was seen, higher is better; a text beyond the window is cut."""


class MatchingDetector:
    """The detector of a `Matcher`: every distinct picture is encoded once, texts go in batches.

    A text that is longer than the model's window is cut; its `raw` says so, and the header's usage has the
    number of those that this run cut. A picture that cannot be read and a score that is not finite are
    errors.
    """

    needs_picture = True

    def __init__(self, matcher: Matcher, batch_size: int | None = None) -> None:
        self.matcher = matcher
        self._batch = batch_size or 32
        if self._batch < 1:
            raise ValueError(f"--batch-size {batch_size}: expected at least 1")
        self.captions_at_once = 4 * self._batch
        self._seen: OrderedDict[str, Any] = OrderedDict()
        self._usage = {"pictures_encoded": 0, "sentences_cut": 0}

    def identity(self) -> dict[str, Any]:
        """The matcher's, and how many pictures were encoded and sentences cut so far."""
        return self.matcher.identity() | {"usage": dict(self._usage)}

    def score(self, captions: Sequence[Caption], pictures: Sequence[bytes | None]) -> Iterator[Score]:
        """A score for each sentence, in order."""
        data = [picture or b"" for picture in pictures]
        keys = [images.digest(each) for each in data]
        seen, errors = self._see(dict(zip(keys, data, strict=True)))
        asked = [
            (sentence, seen[key])
            for caption, key in zip(captions, keys, strict=True)
            for sentence in caption.sentences
            if key in seen
        ]
        found = self._compare(asked)
        for caption, key in zip(captions, keys, strict=True):
            for sentence in caption.sentences:
                yield found[sentence.id] if key in seen else Score(sentence.id, None, "error", errors[key])

    def _see(self, data: dict[str, bytes]) -> tuple[dict[str, Any], dict[str, str]]:
        """What is seen in each picture, by digest, and what is wrong with those that cannot be read."""
        seen = {key: self._seen[key] for key in data if key in self._seen}
        errors: dict[str, str] = {}
        new = [key for key in data if key not in seen]
        for start in range(0, len(new), self._batch):
            batch = {}
            for key in new[start : start + self._batch]:
                try:
                    batch[key] = images.decode(data[key])
                except ValueError as error:
                    errors[key] = str(error)
            if batch:
                seen |= zip(batch, self.matcher.see(list(batch.values())), strict=True)
                self._usage["pictures_encoded"] += len(batch)
        self._keep(seen)
        return seen, errors

    def _keep(self, seen: dict[str, Any]) -> None:
        for key, value in seen.items():
            self._seen[key] = value
            self._seen.move_to_end(key)
        while len(self._seen) > self.matcher.seen_at_most:
            self._seen.popitem(last=False)

    def _compare(self, asked: Sequence[tuple[Sentence, Any]]) -> dict[str, Score]:
        lengths = self.matcher.lengths([sentence.text for sentence, _ in asked]) if asked else []
        # Sentences of like length together: a batch is padded to its longest.
        order = sorted(range(len(asked)), key=lengths.__getitem__)
        found = {}
        for start in range(0, len(order), self._batch):
            places = order[start : start + self._batch]
            values = self.matcher.compare(
                [asked[place][1] for place in places], [asked[place][0].text for place in places]
            )
            for place, value in zip(places, values, strict=True):
                name = asked[place][0].id
                found[name] = self._scored(name, value, lengths[place])
        return found

    def _scored(self, name: str, value: float, length: int) -> Score:
        if not math.isfinite(value):
            return Score(name, None, "error", f"the model's score is {value}; take --dtype float32")
        cut = length > self.matcher.window
        self._usage["sentences_cut"] += cut
        raw = f"cut: {self.matcher.window} of {length} tokens were read" if cut else None
        return Score(name, value, raw=raw, input_tokens=min(length, self.matcher.window))
