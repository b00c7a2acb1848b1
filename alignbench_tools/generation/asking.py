"""A captioner asked for captions, as a protocol of the detectors' engine.

That engine brings providers, retries, a journal on disk, resuming and costs. What it calls the score of a
sentence is here the number of words of a caption.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from alignbench_tools.protocols import Protocol
from alignbench_tools.replies import REFUSED, UNPARSED, Reading
from alignbench_tools.reply_text import answer, is_refusal
from alignbench_tools.token_probabilities import TopTokens

DEFAULT_PROMPT = Path(__file__).parent / "prompts" / "caption.txt"
# A caption that says sorry somewhere is still one; a refusal is short and says so at once.
REFUSAL_WORDS = 60
# Flags: what people should look at before they judge it. A caption of the benchmark has about 100 words.
LONG_WORDS = 1000


@dataclass(frozen=True)
class CaptionPrompt(Protocol):
    """The question for a caption; replies are captions, refusals, or nothing."""

    def prompt(self, sentence: str, caption: str | None = None) -> str:
        """The prompt, the same for every picture."""
        return self.template

    def read(self, reply: str | None, tokens: TopTokens | None, sentences: Sequence[str]) -> list[Reading]:
        """The number of words of a caption; "refused" for a refusal, "unparsed" for an empty answer."""
        text = answer(reply)
        words = len(text.split())
        if not words:
            return [UNPARSED]
        if words <= REFUSAL_WORDS and is_refusal(text):
            return [REFUSED]
        return [Reading("ok", float(words))]


def load(path: Path | None = None, max_tokens: int = 1024, temperature: float = 0.0) -> CaptionPrompt:
    """The prompt in a text file, ours by default; ValueError if the file is empty."""
    path = path or DEFAULT_PROMPT
    text = path.read_text(encoding="utf-8").strip()
    if not text:
        raise ValueError(f"{path}: expected a prompt, got an empty file")
    generate = {"temperature": temperature, "max_tokens": max_tokens}
    return CaptionPrompt(f"caption ({path.stem})", 1, "text", text, "", generate)


def flags(caption: str) -> list[str]:
    """What is odd about a caption: "long" (over `LONG_WORDS` words), "other script" (less than half of its
    letters are Latin), "repeats" (a sentence stands there three times)."""
    found = []
    if len(caption.split()) > LONG_WORDS:
        found.append("long")
    letters = [char for char in caption if char.isalpha()]
    if letters and sum(ord(char) < 0x250 for char in letters) < len(letters) / 2:
        found.append("other script")
    lines = [part.strip() for part in caption.replace("\n", ". ").split(". ") if part.strip()]
    if lines and max(lines.count(line) for line in set(lines)) >= 3:
        found.append("repeats")
    return found


def digest(text: str) -> str:
    """16 hexadecimal digits of a text's SHA-256."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]
