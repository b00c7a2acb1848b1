"""How a model is asked: small, named, versioned prompt files, and how what it answers is read.

A protocol is a YAML file with ``name``, ``version``, ``kind`` (one of `KINDS`), ``prompt``, optionally
``context`` (what stands for ``{context}`` if the whole caption is to be shown) and ``generate`` (how the
model is to generate: ``temperature``, ``max_tokens``, ``logprobs``, ``top_logprobs``, and ``schema``, a JSON
schema of the answer). ``docs/protocols.md`` describes those of this package.
"""

import functools
import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from alignbench_tools.replies import Reading, read_number, read_scores, read_words
from alignbench_tools.token_probabilities import TopTokens, expected_score, probability_of_yes

FOLDER = Path(__file__).parent
NAMES = tuple(sorted(path.stem for path in FOLDER.glob("*.yaml")))
# What a prompt of each kind has to mention.
KINDS = {
    "score": "{sentence}",
    "yes-no": "{sentence}",
    "expected": "{sentence}",
    "localize": "{sentence}",
    "caption": "{sentences}",
}
FIELDS = ("name", "version", "kind", "prompt", "context", "generate")
GENERATE = (
    "temperature",
    "top_p",
    "seed",
    "max_tokens",
    "logprobs",
    "top_logprobs",
    "schema",
    "reasoning_effort",
)


@dataclass(frozen=True)
class Protocol:
    """A way of asking; `load` makes one.

    `digest` is that of everything but the name and comments: equal digests ask and read alike. `generate` has
    keys of `GENERATE`.
    """

    name: str
    version: int
    kind: str
    template: str
    context: str
    generate: Mapping[str, Any]
    digest: str

    @property
    def needs_logprobs(self) -> bool:
        """Whether the answer is read from log-probabilities."""
        return self.kind in ("yes-no", "expected")

    def prompt(self, sentence: str, caption: str | None = None) -> str:
        """The question about one sentence; with `caption`, the whole caption is shown beside it."""
        return _filled(self.template, sentence=sentence, context=self._shown(caption))

    def prompt_caption(self, sentences: Sequence[str]) -> str:
        """The question about all sentences at once, numbered from 1; for kind "caption"."""
        lines = "\n".join(f"{number}. {sentence}" for number, sentence in enumerate(sentences, 1))
        return _filled(self.template, sentences=lines, context="")

    def _shown(self, caption: str | None) -> str:
        return "" if caption is None else _filled(self.context, caption=caption)

    def read(self, reply: str | None, tokens: TopTokens | None, sentences: Sequence[str]) -> list[Reading]:
        """What the reply to the question about `sentences` says: one `Reading` for each.

        `tokens` are the most probable tokens at each place of the answer, token to log-probability; None if
        the provider gave none, which raises ValueError where the protocol is read from them. No reply raises.
        """
        if self.needs_logprobs and tokens is None:
            raise ValueError(
                f"protocol {self.name} is read from log-probabilities, and the provider gave none; take the "
                "protocol score-100, or a provider that has them (vLLM does)"
            )
        if self.kind == "caption":
            return read_scores(reply, len(sentences))
        if self.kind == "localize":
            return [read_words(reply, sentences[0])]
        if self.kind == "score":
            return [read_number(reply)]
        read_tokens: Callable[[str | None, TopTokens], Reading]
        read_tokens = probability_of_yes if self.kind == "yes-no" else expected_score
        return [read_tokens(reply, tokens or [])]


def _filled(template: str, **values: str) -> str:
    """`template` with its placeholders replaced in one pass: braces in a sentence stay as they are."""
    return re.sub(r"\{(\w+)\}", lambda match: values.get(match[1], match[0]), template)


@functools.cache
def load(name: str | Path) -> Protocol:
    """The protocol of that name in this package, or in that file.

    Raises ValueError for a name that there is not, and for a file that does not hold a protocol.
    """
    path = FOLDER / f"{name}.yaml" if str(name) in NAMES else Path(name)
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ValueError(
            f"protocol {name}: expected one of {', '.join(NAMES)}, or a YAML file; got none"
        ) from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: expected YAML: {error}") from None
    _check(content, path)
    rest = {field: content.get(field) for field in FIELDS if field != "name"}
    text = json.dumps(rest, sort_keys=True, ensure_ascii=False)
    return Protocol(
        name=content["name"],
        version=content["version"],
        kind=content["kind"],
        template=content["prompt"].strip(),
        context=content.get("context", ""),
        generate=content.get("generate") or {},
        digest=hashlib.sha256(text.encode()).hexdigest()[:16],
    )


def _check(content: Any, path: Path) -> None:
    if not isinstance(content, dict):
        raise ValueError(f"{path}: expected the fields {', '.join(FIELDS)}, got {type(content).__name__}")
    types = {"name": str, "version": int, "kind": str, "prompt": str}
    for field, kind in types.items():
        if not isinstance(content.get(field), kind):
            raise ValueError(f"{path}: {field}: expected {kind.__name__}, got {content.get(field)!r}")
    unknown = [field for field in content if field not in FIELDS]
    unknown += [f"generate.{field}" for field in content.get("generate") or {} if field not in GENERATE]
    if unknown:
        raise ValueError(
            f"{path}: unknown fields {', '.join(unknown)}; known are {', '.join(FIELDS)}, and "
            f"in generate {', '.join(GENERATE)}"
        )
    if content["kind"] not in KINDS:
        raise ValueError(f"{path}: kind: expected one of {', '.join(KINDS)}, got {content['kind']!r}")
    wanted = KINDS[content["kind"]]
    if wanted not in content["prompt"]:
        raise ValueError(f"{path}: prompt: expected {wanted} in it, where the text goes that is judged")
    if content["kind"] in ("yes-no", "expected") and not (content.get("generate") or {}).get("top_logprobs"):
        raise ValueError(
            f"{path}: generate.top_logprobs: expected a number, for kind {content['kind']} is read from it"
        )
