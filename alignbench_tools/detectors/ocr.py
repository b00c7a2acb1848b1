"""Text in pictures: how much of what a sentence quotes can be read in the picture.

It aims at hallucinated text, and has no opinion of a sentence without a quotation. The reading is done by
`rapidocr`, whose models come with its package; nothing is fetched.
"""

import functools
import hashlib
import logging
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from typing import Any

from alignbench_tools.captions import Caption
from alignbench_tools.scores import Score

# Of a sentence that quotes nothing: in the middle of the scale, above a quotation that is not in the picture
# and below one that is.
NEUTRAL = 0.5
# Shorter quotations are in nearly every text somewhere: they have to be a word of it.
SHORT = 3
_DOUBLE, _SINGLE = '"“”„‟«»', "'‘’‚‛"
_QUOTATION = re.compile(
    rf"(?<!\w)[{_DOUBLE}](?=\S)([^{_DOUBLE}\n]+)(?<=\S)[{_DOUBLE}]"
    rf"|(?<!\w)[{_SINGLE}](?=\w)([^{_DOUBLE}\n]+?)(?<=[\w.,!?…])[{_SINGLE}](?!\w)"
)


def quotations(sentence: str) -> list[str]:
    """What stands in quotation marks, straight or curly, double or single, as it stands; no apostrophes."""
    return [(match[1] or match[2]).strip() for match in _QUOTATION.finditer(sentence)]


def normal(text: str) -> str:
    """Letters and digits of `text` without case, width and accents, one space between words."""
    plain = unicodedata.normalize("NFKD", text).casefold()
    kept = "".join(c if c.isalnum() else "" if unicodedata.combining(c) else " " for c in plain)
    return " ".join(kept.split())


def share_read(quoted: str, lines: Sequence[str]) -> float:
    """How much of `quoted` is in the `lines` of text that were read, in [0, 1].

    The similarity of the quotation with the most similar stretch of the text (rapidfuzz's partial ratio),
    with and without the spaces, which readers of signs set at will.
    """
    from rapidfuzz import fuzz

    wanted, text = normal(quoted), normal(" ".join(lines))
    if not wanted or not text:
        return 0.0
    if len(wanted) < SHORT:
        return float(wanted in text.split())
    forms = [(wanted, text), (wanted.replace(" ", ""), text.replace(" ", ""))]
    # A partial ratio looks for the shorter in the longer: half a quotation would count as all of it.
    return (
        max(fuzz.ratio(*form) if len(form[0]) > len(form[1]) else fuzz.partial_ratio(*form) for form in forms)
        / 100
    )


class TextReader:
    """The detector ``ocr/rapidocr``."""

    needs_picture = True
    captions_at_once = 16

    def __init__(self) -> None:
        try:
            import rapidfuzz  # noqa: F401
            from rapidocr import RapidOCR
        except ImportError as error:
            raise ValueError(f"ocr/rapidocr: {error}; pip install 'alignbench[ocr]'") from None
        logging.getLogger("RapidOCR").setLevel(logging.ERROR)
        self._engine = RapidOCR()
        logging.getLogger("RapidOCR").setLevel(logging.ERROR)
        self._lines = functools.lru_cache(maxsize=1 << 14)(self._read)
        self._current: dict[str, bytes] = {}

    def identity(self) -> dict[str, Any]:
        """The header."""
        return {
            "detector": "ocr/rapidocr",
            "model": "ocr/rapidocr",
            "model_version": version("rapidocr"),
            "protocol": "ocr",
            "parameters": {"neutral": NEUTRAL},
            "versions": {name: version(name) for name in ("rapidocr", "onnxruntime", "rapidfuzz")},
        }

    def score(self, captions: Sequence[Caption], pictures: Sequence[bytes | None]) -> Iterator[Score]:
        """The share of the quoted text that is read, weighted by length; `raw` keeps what was read."""
        for caption, picture in zip(captions, pictures, strict=True):
            for sentence in caption.sentences:
                quoted = [each for each in quotations(sentence.text) if normal(each)]
                if not quoted:
                    yield Score(sentence.id, NEUTRAL)
                    continue
                try:
                    lines = self.lines(picture or b"")
                except ValueError as error:
                    yield Score(sentence.id, None, "error", str(error))
                    continue
                lengths = [len(normal(each)) for each in quoted]
                shares = [share_read(each, lines) for each in quoted]
                total = sum(share * size for share, size in zip(shares, lengths, strict=True))
                yield Score(sentence.id, total / sum(lengths), raw="\n".join(lines))

    def lines(self, picture: bytes) -> tuple[str, ...]:
        """Lines of text in the picture, in the reader's order; each distinct picture is read once.

        Raises ValueError for bytes that are no picture.
        """
        digest = hashlib.sha256(picture).hexdigest()
        self._current = {digest: picture}
        return self._lines(digest)

    def _read(self, digest: str) -> tuple[str, ...]:
        try:
            found = self._engine(self._current[digest])
        except Exception as error:  # rapidocr, OpenCV and Pillow each raise their own
            raise ValueError(f"the picture cannot be read: {type(error).__name__}: {error}") from None
        return tuple(found.txts or ())


def build(name: str, options: Mapping[str, Any]) -> TextReader:
    """The only detector of this scheme is ``ocr/rapidocr``."""
    if name != "rapidocr":
        raise ValueError(f"ocr/{name}: expected ocr/rapidocr")
    return TextReader()
