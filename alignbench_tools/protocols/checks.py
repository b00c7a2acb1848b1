"""Whether a file holds a protocol; if not, which field is wrong and what to do."""

import re
from pathlib import Path
from typing import Any

# Kind to what a prompt of it has to mention.
KINDS = {
    "score": "{sentence}",
    "yes-no": "{sentence}",
    "expected": "{sentence}",
    "localize": "{sentence}",
    "caption": "{sentences}",
}
REQUIRED = {"name": str, "version": int, "kind": str, "prompt": str}
OPTIONAL = {"context": str, "generate": dict}
GENERATE = {
    "temperature": (int, float),
    "top_p": (int, float),
    "seed": int,
    "max_tokens": int,
    "logprobs": bool,
    "top_logprobs": int,
    "schema": dict,
    "reasoning_effort": str,
}
FIELDS = (*REQUIRED, *OPTIONAL)
READ_FROM_LOGPROBS = ("yes-no", "expected")
PLACEHOLDER = re.compile(r"\{(\w+)\}")


def check(content: Any, path: Path) -> None:
    """ValueError that names file, field, what was expected and what was found, if it is no protocol."""
    if not isinstance(content, dict):
        raise ValueError(f"{path}: expected the fields {', '.join(FIELDS)}, got {type(content).__name__}")
    _check_names(content, FIELDS, str(path))
    for field, kind in REQUIRED.items():
        _check_type(content.get(field), kind, f"{path}: {field}")
    for field, kind in OPTIONAL.items():
        if content.get(field) is not None:
            _check_type(content[field], kind, f"{path}: {field}")
    if content["kind"] not in KINDS:
        raise ValueError(f"{path}: kind: expected one of {', '.join(KINDS)}, got {content['kind']!r}")
    _check_prompt(content, path)
    _check_generate(content.get("generate") or {}, content["kind"], path)


def _check_names(content: dict[Any, Any], known: Any, where: str) -> None:
    unknown = [str(field) for field in content if field not in known]
    if unknown:
        raise ValueError(f"{where}: unknown fields {', '.join(unknown)}; known are {', '.join(known)}")


def _check_type(value: Any, kind: Any, where: str) -> None:
    kinds = kind if isinstance(kind, tuple) else (kind,)
    if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
        wanted = " or ".join(each.__name__ for each in kinds)
        raise ValueError(f"{where}: expected {wanted}, got {value!r}")


def _check_prompt(content: dict[str, Any], path: Path) -> None:
    subject = KINDS[content["kind"]]
    if subject not in content["prompt"]:
        raise ValueError(f"{path}: prompt: expected {subject} in it, where the text goes that is judged")
    known = (subject, "{context}") if content["kind"] != "caption" else (subject,)
    unknown = [match[0] for match in PLACEHOLDER.finditer(content["prompt"]) if match[0] not in known]
    if unknown:
        raise ValueError(
            f"{path}: prompt: expected no placeholder but {', '.join(known)}, got {', '.join(unknown)}; "
            "the whole caption, {caption}, is shown by the field context"
        )
    context = content.get("context")
    if ("{context}" in content["prompt"]) != bool(context) or (context and "{caption}" not in context):
        raise ValueError(
            f"{path}: context: expected {{context}} in the prompt together with a field context that holds "
            "{caption}, or neither; the caption would not be shown where it is asked for"
        )


def _check_generate(generate: dict[str, Any], kind: str, path: Path) -> None:
    _check_names(generate, GENERATE, f"{path}: generate")
    for field, value in generate.items():
        _check_type(value, GENERATE[field], f"{path}: generate.{field}")
    if kind in READ_FROM_LOGPROBS and not (generate.get("logprobs") and generate.get("top_logprobs")):
        raise ValueError(
            f"{path}: generate: expected logprobs: true and a number of top_logprobs, for kind {kind} is "
            f"read from them; got {generate}"
        )
