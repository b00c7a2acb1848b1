"""Reading what a model answered, strictly: a score, or the reason why there is none; never a guess.

A number is taken as a score if it is the only number in the reply (a scale such as "/100" or "out of 100"
does not count), in [0, 100], not in a quotation, and stands either at the very start or right after words
that announce a score ("Score:", "I'd say", "I would rate it"), without a negation or a bound before it, and
with punctuation or the end behind it. Digits of every script count as digits, numbers in words do not.
"""

import json
import re
import unicodedata
from typing import Any, NamedTuple

from alignbench_auroc.localization import words

import alignbench


class Reading(NamedTuple):
    """What a reply says of one sentence; `score` is None unless `status` is "ok"."""

    status: str
    score: float | None = None
    spans: list[dict[str, Any]] | None = None


UNPARSED, REFUSED = Reading("unparsed"), Reading("refused")

_NUMBER = re.compile(r"[-+−–±~≈<>≤≥]?\s?(?:\d+(?:[.,:]\d+)*|[.,]\d+)")
_SCALE = r"\s*(?:/\s*100\b(?![.,]?\d)|out of (?:a )?(?:possible )?100\b(?![.,]?\d)|%|percent\b|points?\b)?"
_LEAD = (
    r"(?:(?:^|[^a-z])(?:score|rating|answer|result|correctness|accuracy|alignment)\W{0,3}"
    r"(?:\s*(?:is|of|would be|=|:|->))?"
    r"|\b(?:say|rate|give|score|assign)(?:\s+(?:it|this|that|them)(?:\s+sentence)?|\s+the\s+\w+)?"
    r"(?:\s+(?:a|an|at|as|with))?(?:\s+(?:score|rating)(?:\s+of)?)?)\W{0,4}$"
)
_LEAD_IN = re.compile(_LEAD, re.IGNORECASE)
_AFTER = re.compile(rf"{_SCALE}(?:[\s.!;,:)\]}}*_`\"'”’]*$|[.!;,:)\]]+\s|\s*\n|\s+[-–—]\s)", re.IGNORECASE)
_HEDGED = re.compile(
    r"\b(?:not|never|nor|neither|no|cannot|than|below|above|under|over|least|most|between|from|to|or|about|around"
    r"|almost|nearly|roughly|approximately|minimum|maximum|scale|\w+n['’]t)\b",
    re.IGNORECASE,
)
_REFUSAL = re.compile(
    r"\b(?:i\s*['’]?\s*a?m\s+(?:very\s+|so\s+)?(?:sorry|afraid|unable|not\s+able|not\s+comfortable)"
    r"|i\s+(?:really\s+)?(?:cannot|can\s?not|can['’]t|won['’]t|will\s+not|must\s+decline|don['’]t\s+(?:see|have\s+access))"
    r"|as\s+an\s+ai\b|against\s+(?:my|our|the)\s+(?:\w+\s+)?(?:policy|policies|guidelines)|content\s+policy)",
    re.IGNORECASE,
)
_QUOTED = re.compile(r"\"[^\"\n]*\"|“[^”\n]*”|«[^»\n]*»|(?<!\w)'[^'\n]*'(?!\w)|‘[^’\n]*’(?!\w)")
_THOUGHT = re.compile(r"<think(?:ing)?>.*?</think(?:ing)?>", re.DOTALL | re.IGNORECASE)
_WRAPPING = " \t\r\n*_`\"'“”‘’[](){}"
_FULL_WIDTH = str.maketrans("／％．，：－＋", "/%.,:-+")


def plain(reply: str) -> str:
    """`reply` with ASCII digits, without a reasoning block and without marks that only dress it up."""
    text = _THOUGHT.sub("", reply).translate(_FULL_WIDTH)
    text = "".join(str(unicodedata.decimal(c)) if c.isdecimal() else c for c in text)
    boxed = re.fullmatch(r"\s*\$*\\boxed\{([^{}]*)\}\$*\s*", text)
    return (boxed[1] if boxed else text).strip()


def read_number(reply: str | None) -> Reading:
    """A score from 0 to 100, by the rule at the head of this module; any string gives a `Reading`."""
    if not isinstance(reply, str):
        return UNPARSED
    text = plain(reply)
    value = _only_number(text)
    if value is not None:
        return Reading("ok", value)
    return REFUSED if _REFUSAL.search(text) else UNPARSED


def _only_number(text: str) -> float | None:
    bare = text.strip(_WRAPPING)
    alone = re.fullmatch(rf"(\d{{1,3}}(?:\.\d+)?){_SCALE}[.!]?", bare, re.IGNORECASE)
    if alone:
        return _in_range(alone[1])
    labelled = _from_json(text)
    if labelled is not None:
        return labelled
    if _REFUSAL.search(text):
        return None
    unscaled = re.sub(
        r"(\d)\s*(?:/|out of)\s*(?:a possible )?100\b(?![.,]?\d)", r"\1", text, flags=re.IGNORECASE
    )
    if len(_NUMBER.findall(unscaled)) != 1:
        return None
    prose = _QUOTED.sub(" ", text).replace("*", "").replace("_", "").replace("`", "").strip()
    found = re.search(r"(?<![\w.,:/-])(\d{1,3}(?:\.\d+)?)(?![\d/]*[/:]\d(?!00\b))", prose)
    if not found or not _AFTER.match(prose, found.end(1)):
        return None
    before = prose[: found.start()]
    clause = re.split(r"[.!?;\n]", before)[-1]
    announced = not before.strip() or (_LEAD_IN.search(before) and not _HEDGED.search(clause))
    return _in_range(found[1]) if announced else None


def _from_json(text: str) -> float | None:
    """The one number of an object like {"score": 85}."""
    content = _json(text)
    if not isinstance(content, dict) or len(content) != 1:
        return None
    (value,) = content.values()
    return _number(value)


def _in_range(text: str) -> float | None:
    value = float(text)
    return value if 0 <= value <= 100 else None


def _number(value: Any) -> float | None:
    """`value`, a JSON number or a string that is nothing but one, if it is in [0, 100]."""
    if isinstance(value, str) and re.fullmatch(r"\s*\d{1,3}(?:\.\d+)?\s*%?\s*", value):
        value = float(value.strip().rstrip("%").strip())
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value) if 0 <= value <= 100 else None


def _json(text: str) -> Any:
    """`text` as JSON, out of a code fence if it stands in one; None if it is none."""
    fence = re.search(r"```(?:\w+)?\s*\n?(.*?)(?:```|$)", text, re.DOTALL)
    try:
        return json.loads(fence[1] if fence else text)
    except (ValueError, RecursionError):
        return None


def _objects(text: str, key: str) -> list[Any] | None:
    """The objects of the list under `key`; of a reply that was cut off, those that are whole."""
    content = _json(text)
    if isinstance(content, dict) and isinstance(content.get(key), list):
        return content[key]
    if isinstance(content, list):
        return content
    if content is not None or f'"{key}"' not in text:
        return None
    found = (_json(match[0]) for match in re.finditer(r"\{[^{}]*\}", text))
    return [each for each in found if isinstance(each, dict)]


def read_scores(reply: str | None, number: int) -> list[Reading]:
    """Scores of `number` sentences from {"scores": [{"index": 1, "score": 85}, …]}.

    Each score goes to the sentence whose index stands beside it, so that a missing one shifts nothing. A
    sentence that is missing, or stands there twice with different scores, or with something that is no
    number in [0, 100], is unparsed. Of a reply that was cut off what is whole counts.
    """
    text = plain(reply) if isinstance(reply, str) else ""
    found = _objects(text, "scores")
    if found is None:
        return [REFUSED if _REFUSAL.search(text) else UNPARSED] * number
    given: dict[int, list[float | None]] = {}
    for each in found:
        index = each.get("index") if isinstance(each, dict) else None
        if isinstance(index, int) and not isinstance(index, bool):
            given.setdefault(index, []).append(_number(each.get("score")))
    values = [set(given.get(index, [None])) for index in range(1, number + 1)]
    return [
        Reading("ok", next(iter(each))) if len(each) == 1 and None not in each else UNPARSED
        for each in values
    ]


def read_words(reply: str | None, sentence: str) -> Reading:
    """Spans from {"wrong": [{"quote": "red hat", "confidence": 90}, …]}, in code points of `sentence`.

    A "word" in place of the "quote" is the number of a word, from 0, as
    `alignbench_auroc.localization.words` counts them. A span's score is the confidence / 100, 1 where none
    is given; the sentence's is 1 less the highest of them, 1 if nothing is wrong. A quote that is not in the
    sentence is left out; if none of them is in it, if a confidence is no number in [0, 100], or if the reply
    was cut off, the reply is unparsed.
    """
    text = plain(reply) if isinstance(reply, str) else ""
    content = _json(text)
    found = content.get("wrong") if isinstance(content, dict) else content
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        return REFUSED if _REFUSAL.search(text) else UNPARSED
    confidences = [_number(each.get("confidence", 100)) for each in found]
    if None in confidences:
        return UNPARSED
    places = _places(found, sentence)
    if found and not any(places):
        return UNPARSED
    spans = [
        {"start": place[0], "end": place[1], "score": confidence / 100}
        for place, confidence in zip(places, confidences, strict=True)
        if place and confidence is not None
    ]
    return Reading("ok", 1 - max((span["score"] for span in spans), default=0.0), spans)


def _places(found: list[dict[str, Any]], sentence: str) -> list[tuple[int, int] | None]:
    known = words(sentence)
    quotes = [str(each.get("quote") or "") for each in found]
    spans = alignbench.find_spans(sentence, quotes)
    places: list[tuple[int, int] | None] = [(span.start, span.end) if span else None for span in spans]
    for row, each in enumerate(found):
        word = each.get("word")
        if (
            places[row] is None
            and isinstance(word, int)
            and not isinstance(word, bool)
            and 0 <= word < len(known)
        ):
            places[row] = known[word]
    return places
