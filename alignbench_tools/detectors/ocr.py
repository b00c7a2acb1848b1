"""Text in pictures: how much of what a sentence quotes can be read in the picture.

It aims at hallucinated text, and has no opinion of a sentence without a quotation. The reading is done by
`rapidocr`, whose models come with its package; nothing is fetched.
"""

import io
import logging
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from typing import Any

import numpy as np
from PIL import Image, ImageOps

from alignbench_tools.captions import Caption
from alignbench_tools.detectors.pictures import digest
from alignbench_tools.scores import Score

# Of a sentence that quotes nothing. Misread text keeps more than three quarters of its characters, words that
# are not there seldom find as many by chance: docs/detectors.md has the shares.
NEUTRAL = 0.75
# Shorter quotations are in nearly every text somewhere: they have to be a word of it.
SHORT = 3
_DOUBLE, _SINGLE = '"“”„‟«»', "'‘’‚‛"
# Words that begin with an apostrophe, which opens nothing: the '90s, 'em.
_ELIDED = r"(?!(?:\d0s|em|til|cause|tis|twas|n)\b)"
_QUOTATION = re.compile(
    rf"(?<!\w)[{_DOUBLE}](?=\S)([^{_DOUBLE}\n]+)(?<=\S)[{_DOUBLE}]"
    rf"|(?<!\w)[{_SINGLE}]{_ELIDED}(?=\w)([^{_DOUBLE}\n]+?)(?<=[\w.,!?…])[{_SINGLE}](?!\w)"
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

    One less the share of its characters that are wrong or missing at the place of the text that is most
    like it (`errors`); with and without the spaces, which readers of signs set at will.
    """
    wanted, text = normal(quoted), normal(" ".join(lines))
    if not wanted or not text:
        return 0.0
    if len(wanted) < SHORT:
        return float(wanted in text.split())
    forms = [(wanted, text), (wanted.replace(" ", ""), text.replace(" ", ""))]
    return max(1 - errors(*form) / len(form[0]) for form in forms)


def errors(wanted: str, text: str) -> int:
    """The least edit distance between `wanted` and any stretch of `text`, the empty one among them.

    Sellers, "The theory and computation of evolutionary distances: pattern recognition", Journal of
    Algorithms 1 (1980): the usual table of Levenshtein distances, but it costs nothing to begin or to end
    anywhere in `text`. In O(len(wanted) * len(text)), a row at a time.
    """
    characters = np.array(list(text), dtype="U1")
    places = np.arange(len(text) + 1)
    row = np.zeros_like(places)
    for number, character in enumerate(wanted, 1):
        reached = np.minimum(row[:-1] + (characters != character), row[1:] + 1)
        # Skipping k characters of `text` costs k: a running minimum once the places are taken off.
        row = np.minimum.accumulate(np.concatenate(([number], reached)) - places) + places
    return int(row.min())


class TextReader:
    """The detector ``ocr/rapidocr``."""

    needs_picture = True
    captions_at_once = 16

    def __init__(self) -> None:
        try:
            from rapidocr import RapidOCR
        except ImportError as error:
            raise ValueError(f"ocr/rapidocr: {error}; pip install 'alignbench[ocr]'") from None
        logging.getLogger("RapidOCR").setLevel(logging.ERROR)
        self._engine = RapidOCR()
        logging.getLogger("RapidOCR").setLevel(logging.ERROR)  # making an engine sets it back
        self._read: dict[str, tuple[str, ...]] = {}

    def identity(self) -> dict[str, Any]:
        """The header."""
        return {
            "detector": "ocr/rapidocr",
            "model": "ocr/rapidocr",
            "model_version": version("rapidocr"),
            "protocol": "ocr",
            # Versions of the package come with other models: runs of two versions are two detectors.
            "parameters": {"neutral": NEUTRAL, "rapidocr": version("rapidocr")},
            "versions": {name: version(name) for name in ("rapidocr", "onnxruntime")},
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
        key = digest(picture)
        if key not in self._read:
            try:
                found = self._engine(_pixels(picture))
            except Exception as error:  # rapidocr, OpenCV and Pillow each raise their own
                raise ValueError(f"the picture cannot be read: {type(error).__name__}: {error}") from None
            self._read[key] = tuple(found.txts or ())
        return self._read[key]


def _pixels(picture: bytes) -> np.ndarray:
    """The picture as OpenCV has it, (height, width, 3) in blue, green, red; what is transparent is white.

    The engine's own decoding finds no text in CMYK and GIF files, and does not turn as the EXIF says.
    """
    with Image.open(io.BytesIO(picture)) as file:
        image = ImageOps.exif_transpose(file)
        if "A" in image.getbands() or "transparency" in image.info:
            image = image.convert("RGBA")
            image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
        return np.ascontiguousarray(np.asarray(image.convert("RGB"))[..., ::-1])


def build(name: str, options: Mapping[str, Any]) -> TextReader:
    """The only detector of this scheme is ``ocr/rapidocr``."""
    if name != "rapidocr":
        raise ValueError(f"ocr/{name}: expected ocr/rapidocr")
    return TextReader()
