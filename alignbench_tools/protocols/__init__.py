"""How a model is asked: small, named, versioned prompt files, and how what it answers is read.

A protocol is a YAML file with ``name``, ``version``, ``kind`` (one of `KINDS`), ``prompt``, optionally
``context`` (what stands for ``{context}`` if the whole caption is to be shown) and ``generate`` (how the
model is to generate: ``temperature``, ``max_tokens``, ``logprobs``, ``top_logprobs``, and ``schema``, a JSON
schema of the answer). ``docs/protocols.md`` describes those of this package.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from alignbench_tools.protocols.checks import FIELDS, KINDS, PLACEHOLDER, READ_FROM_LOGPROBS, check
from alignbench_tools.replies import Reading, read_number
from alignbench_tools.structured_replies import read_scores, read_words
from alignbench_tools.token_probabilities import TopTokens, expected_score, probability_of_yes

__all__ = ["FIELDS", "KINDS", "NAMES", "Protocol", "load"]

FOLDER = Path(__file__).parent
NAMES = tuple(sorted(path.stem for path in FOLDER.glob("*.yaml")))
# To be raised when a reply is read otherwise than before: scores of both readings must not be mixed.
READING = 1


@dataclass(frozen=True)
class Protocol:
    """A way of asking; `load` makes one.

    `digest` is that of everything but the name and comments: equal digests ask and read alike. `generate` has
    keys ``temperature``, ``top_p``, ``seed``, ``max_tokens``, ``logprobs``, ``top_logprobs``, ``schema``,
    ``reasoning_effort``.
    """

    name: str
    version: int
    kind: str
    template: str
    context: str = ""
    generate: Mapping[str, Any] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """16 hexadecimal digits of a SHA-256."""
        parts = [READING, self.version, self.kind, self.template, self.context, dict(self.generate)]
        text = json.dumps(parts, sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @property
    def needs_logprobs(self) -> bool:
        """Whether the answer is read from log-probabilities."""
        return self.kind in READ_FROM_LOGPROBS

    def prompt(self, sentence: str, caption: str | None = None) -> str:
        """The question about one sentence; with `caption`, the whole caption is shown beside it.

        Raises ValueError if the protocol has no place for the caption.
        """
        if caption is None:
            return _filled(self.template, sentence=sentence, context="")
        if not self.context:
            raise ValueError(
                f"protocol {self.name} shows no caption: its file has no field context; add one, and "
                "{context} to the prompt, or ask without --context caption"
            )
        return _filled(self.template, sentence=sentence, context=_filled(self.context, caption=caption))

    def prompt_caption(self, sentences: Sequence[str]) -> str:
        """The question about all sentences at once, numbered from 1; for kind "caption"."""
        lines = "\n".join(f"{number}. {sentence}" for number, sentence in enumerate(sentences, 1))
        return _filled(self.template, sentences=lines)

    def read(self, reply: str | None, tokens: TopTokens | None, sentences: Sequence[str]) -> list[Reading]:
        """What the reply to the question about `sentences` says: one `Reading` for each.

        `tokens` are the most probable tokens at each place of the answer, token to log-probability; None if
        the provider gave none, which raises ValueError where the protocol is read from them. No reply raises.
        """
        if self.kind == "caption":
            return read_scores(reply, len(sentences))
        (sentence,) = sentences
        if self.kind == "localize":
            return [read_words(reply, sentence)]
        if self.kind == "score":
            return [read_number(reply, sentence)]
        if tokens is None:
            raise ValueError(
                f"protocol {self.name} is read from log-probabilities, and this provider gives none; take "
                "the protocol score-100, or a provider that has them (vLLM does)"
            )
        if self.kind == "yes-no":
            return [probability_of_yes(reply, tokens)]
        return [expected_score(reply, tokens, sentence)]


def _filled(template: str, **values: str) -> str:
    """`template` with its placeholders replaced in one pass: braces in a sentence stay as they are."""
    return PLACEHOLDER.sub(lambda match: values.get(match[1], match[0]), template)


def load(name: str | Path) -> Protocol:
    """The protocol of that name in this package, or in that file.

    Raises ValueError for a name that there is not, and for a file that does not hold a protocol.
    """
    path = FOLDER / f"{name}.yaml" if str(name) in NAMES else Path(name)
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise ValueError(
            f"protocol {name}: expected one of {', '.join(NAMES)}, or a YAML file; {error.strerror}"
        ) from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: expected YAML: {error}") from None
    check(content, path)
    return Protocol(
        name=content["name"],
        version=content["version"],
        kind=content["kind"],
        template=content["prompt"].strip(),
        context=(content.get("context") or "").rstrip("\n"),
        generate=content.get("generate") or {},
    )
