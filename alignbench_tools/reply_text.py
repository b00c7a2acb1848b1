"""What of a reply is its answer: without reasoning, special tokens and marks; as JSON; and refusals."""

import json
import re
import unicodedata
from typing import Any

_OPENED = re.compile(r"<think(?:ing)?>|◁think▷|<reasoning>", re.IGNORECASE)
_CLOSED = re.compile(r"</think(?:ing)?>|◁/think▷|</reasoning>", re.IGNORECASE)
# What chat templates leave behind when a server does not know them: <|im_end|>, </s>, <answer>.
_SPECIAL = re.compile(r"<\|\w{1,40}\|>|</?s>|<eos>|<end_of_turn>|</?(?:answer|score)>", re.IGNORECASE)
_FENCE = re.compile(r"```\w*\s*(.*?)(?:```|\Z)", re.DOTALL)
_FULL_WIDTH = str.maketrans("／％．，：－＋（）", "/%.,:-+()")

_PICTURE = r"(?:image|picture|photo|photograph|figure|attachment)s?\b"
_WHICH = r"(?:(?:the|this|that|any|an?|your|these|provided|attached)\s+){0,2}"
_CANNOT = (
    r"(?:can(?:no|['’])t|can\s+not|could\s?n[o'’]?t|unable\s+to|not\s+able\s+to|(?:do|did)(?:n['’]t|\s+not))"
)
# These leave no doubt that no judgement was made, whatever number stands beside them.
_NOT_JUDGED = re.compile(
    rf"\b{_CANNOT}\s+(?:help|assist|comply|fulfill?|engage|judge|rate|identify\s+(?:people|individuals|real))\b"
    rf"|\b{_CANNOT}\s+(?:actually\s+|currently\s+|directly\s+)?(?:see|view|access|open|receive|have(?:\s+access\s+to)?"
    rf"|analy[sz]e|process|evaluate|assess|interpret|load|find)\s+{_WHICH}{_PICTURE}"
    rf"|\bwithout\s+(?:seeing|viewing|having|access\s+to)\s+{_WHICH}{_PICTURE}"
    rf"|\bno\s+{_PICTURE}\s+(?:(?:was|is|were|are|has\s+been|have\s+been)\s+)?"
    r"(?:provided|attached|given|visible|uploaded|included|supplied|available|shared)\b"
    rf"|\b{_PICTURE}\s+(?:(?:is|was|has)(?:n['’]t|\s+not)|did(?:n['’]t|\s+not))\s+(?:been\s+|come\s+)?"
    r"(?:provided|attached|given|visible|uploaded|included|supplied|available|shared|load|through)\b"
    rf"|\bplease\s+(?:provide|upload|share|attach|send)\s+{_WHICH}{_PICTURE}"
    r"|\bas\s+an\s+ai\b|\bcontent\s+policy\b|\bmust\s+decline\b"
    r"|\bagainst\s+(?:my|our|the)\s+(?:\w+\s+)?(?:policy|policies|guidelines)\b",
    re.IGNORECASE,
)
# These are said of details too ("I can't find a hat"): a refusal only where no score is given.
_DECLINED = re.compile(
    r"\bsorry\b|\bapologi[sz]e\b"
    r"|\bi\s+(?:cannot|can\s?not|can['’]t|won['’]t|will\s+not)\b(?!\s+(?:see|find|tell|spot|detect|be|make\s+out))"
    r"|\bi\s?['’]?\s?a?m\s+(?:afraid|unable|not\s+able|not\s+comfortable)\b|\bunable\s+to\b",
    re.IGNORECASE,
)


def answer(reply: str | None) -> str:
    """`reply` without reasoning and special tokens; "" if the reasoning was cut off or there is no text."""
    if not isinstance(reply, str):
        return ""
    closed = list(_CLOSED.finditer(reply))
    text = reply[closed[-1].end() :] if closed else reply
    return "" if _OPENED.search(text) else _SPECIAL.sub("", text).strip()


def with_ascii_digits(text: str) -> str:
    """`text` with the digits of every script, and full-width signs, as ASCII; without marks at its ends."""
    text = text.translate(_FULL_WIDTH)
    text = "".join(str(unicodedata.decimal(c)) if c.isdecimal() else c for c in text)
    # Byte order marks and marks of writing direction.
    return text.strip("\ufeff\u200b\u200e\u200f\u202a\u202b\u202c\u2066\u2067\u2068\u2069 \t\r\n")


def was_not_judged(text: str) -> bool:
    """Whether `text` says that the question was not answered, or that there was no picture to see."""
    return bool(_NOT_JUDGED.search(text))


def is_refusal(text: str) -> bool:
    """Whether `text`, in which no score was found, declines to give one."""
    return was_not_judged(text) or bool(_DECLINED.search(text))


def fenced(text: str) -> tuple[str, str]:
    """What stands in the only code fence of `text`, and the rest of it; `text` and "" if there is not one."""
    found = list(_FENCE.finditer(text))
    if len(found) != 1:
        return text, ""
    return found[0][1].strip(), text[: found[0].start()] + text[found[0].end() :]


def parse_json(text: str) -> Any:
    """`text` as JSON; None if it is none, or has a key twice."""
    try:
        return json.loads(text, object_pairs_hook=_without_repeats)
    except (ValueError, RecursionError):
        return None


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key stands there twice")
    return found
