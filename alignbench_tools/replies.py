"""Reading a score from 0 to 100 out of what a model answered, strictly: or the reason why there is none.

A number is taken as the score if all of this holds; nothing is guessed.

- It is the only number of the reply. Not counted are reasoning in tags before the answer, a repetition of the
  sentence, and the scale itself: "/100", "out of 100", "(0-100)", "on a scale of 0 to 100".
- It lies in [0, 100] and is written in digits, of any script, with a point before decimals, without a sign.
- It stands at the very start, or right behind words that announce a score ("Score:", "I'd say", "I would rate
  it"), outside quotation marks, without a negation, bound, range or condition before it in its clause.
- The reply ends behind it, or punctuation or a line break follows, and no condition or correction.
- It is not the "1." that begins a list.

A JSON object with one key such as "score", and no other number, counts as well. A reply that says that no
picture was seen, or that declines, is refused, even if a number stands in it. All else is unparsed.
"""

import re
from typing import Any, NamedTuple

from alignbench_tools.reply_text import (
    answer,
    fenced,
    is_refusal,
    parse_json,
    was_not_judged,
    with_ascii_digits,
)


class Reading(NamedTuple):
    """What a reply says of one sentence; `score` is None unless `status` is "ok"."""

    status: str
    score: float | None = None
    spans: list[dict[str, Any]] | None = None


UNPARSED, REFUSED = Reading("unparsed"), Reading("refused")

# No judgement needs more; a reply beyond it is a web page or a loop.
LONGEST = 20_000

_SCORE_WORD = r"(?:score|rating|answer|result|correctness|accuracy|alignment)"
# "The overall score is", at the start of a clause: a picture may show "a score of 3" as well.
_NAMED = (
    r"(?:^|[,.!?;:\n])\W{0,8}(?:(?:here(?:['’]s|\s+is)|so|thus|therefore|hence|and|the|my|an?|this|final|overall|total"
    rf"|correct|(?:sentence|statement|description)(?:['’]s)?|i(?:['’]d|\s+would)\s+say(?:\s+that)?|{_SCORE_WORD})\s+)*"
    rf"{_SCORE_WORD}(?:\s+(?:is|of|would\s+be)\b)?"
)
# "I would rate this sentence as".
_GIVEN = (
    r"\b(?:i|we)(?:['’](?:d|ll)|\s+(?:would|will))?(?:\s+(?:therefore|thus|then|also))?\s+"
    r"(?:say|rate|give|score|assign|estimate)"
    r"(?:\s+(?:it['’]s|it|this|that|them|(?:this|the)\s+(?:\w+\s+of\s+the\s+)?\w+(?:['’]s\s+\w+)?))?"
    rf"(?:\s+(?:an?|at|as|with))?(?:\s+{_SCORE_WORD}(?:\s+of)?)?"
)
_LEAD_IN = re.compile(
    rf"(?:{_NAMED}|{_GIVEN})[)\]]?(?:\s*(?:[:=]|->|→)|\s+[-–—](?=\s))?\s*[(\[]?\s*$", re.IGNORECASE
)
_HEDGED = re.compile(
    r"\b(?:not|never|nor|neither|no|cannot|than|below|above|under|over|least|most|between|from|to|or|about|around"
    r"|almost|nearly|roughly|approximately|minimum|maximum|scale|if|unless|were|had|otherwise|should|could|might"
    r"|may|perfect|full|possible|highest|lowest|top|best|worst|threshold|\w+n['’]t)\b",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"(?<![\d.,])\d{1,3}(?:\.\d+)?(?![\d.,:/]*\d)")
_DIGITS = re.compile(r"\d+(?:[.,:]\d+)*")
# Behind a digit it becomes "%", which says as much.
_OUT_OF = re.compile(
    r"(?<=\d)\s*(?:/|\(?\s*out\s+of)\s*(?:a\s+)?(?:possible\s+)?100(?![.,/]?\d)(?:\s*\))?", re.IGNORECASE
)
_SCALE = re.compile(
    r"\(\s*(?:[01]\s*(?:[-–—]|to)|out\s+of)\s*100\s*\)"
    r"|\bon\s+(?:a|the)\s+(?:scale\s+(?:of|from)\s+)?[01]\s*(?:[-–—]|to)\s*100(?![.,]?\d)(?:\s+scale)?\s*,?",
    re.IGNORECASE,
)
_UNIT = re.compile(r"\s*(?:%|percent\b|points?\b)", re.IGNORECASE)
_CLOSED = re.compile(
    r"[\s.…!;,:)\]}\"'”’]*$|\s*\n|\s*[.…!)\]]+\s+|\s*[;,:]\s+|\s+[-–—]\s+|\s+\((?=[^\W\d])"
    r"|\s+(?=(?:because|since)\b)",
    re.IGNORECASE,
)
_TAKEN_BACK = re.compile(r"no\s*,|(?:nope|wait|correction|scratch|sorry)\b", re.IGNORECASE)
_CONDITION = re.compile(
    r"(?:or|if|unless|were|had|maybe|perhaps|possibly|assuming|provided|give\s+or\s+take|plus|minus|at\s+most"
    r"|at\s+least|no|tops|max|out|of)\b",
    re.IGNORECASE,
)
_QUOTED = re.compile(r"\"[^\"\n]*\"|“[^“”\n]*”|«[^«»\n]*»|(?<!\w)'[^'\n]*'(?!\w)|‘[^‘’\n]*’(?!\w)")
_WRAPPING = " \t\r\n*_`\"'“”‘’[](){}"
_BARE = re.compile(r"(\d{1,3}(?:\.\d+)?)\s*(?:%|percent|points?)?[.!]?", re.IGNORECASE)
_MATHS = re.compile(r"\$([^$\n]*)\$|\\[(\[]([^\\\n]*)\\[)\]]")
_STYLED = re.compile(r"\\(?:boxed|text|mathbf)\{([^{}]*)\}")


def read_number(reply: str | None, sentence: str = "") -> Reading:
    """The score of `sentence`, by the rule at the head of this module; any string gives a `Reading`."""
    text = answer(reply)
    if not text or len(text) > LONGEST:
        return UNPARSED
    # A sentence such as "The score is 3" is no score when it is repeated.
    if len(sentence.split()) > 1:
        text = text.replace(sentence.strip(), "“”")
    text = with_ascii_digits(_without_tex(text))
    if was_not_judged(text):
        return REFUSED
    value = _stated(text)
    if value is not None:
        return Reading("ok", value)
    return REFUSED if is_refusal(text) else UNPARSED


def number(value: Any) -> float | None:
    """`value` of a JSON document if it is a number in [0, 100], or a string that is nothing but one."""
    if isinstance(value, str):
        return _bare(with_ascii_digits(value))
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value) if 0 <= value <= 100 else None


def _without_tex(text: str) -> str:
    """`text` without the TeX that some models set their answer in; a dollar sign alone stays."""
    return _MATHS.sub(lambda match: match[1] or match[2] or "", _STYLED.sub(r"\1", text))


def _stated(text: str) -> float | None:
    inside, outside = fenced(text)
    content = None if _DIGITS.search(outside) else parse_json(inside)
    if isinstance(content, dict):
        return _of_object(content)
    bare = _bare(text)
    return bare if bare is not None else _of_prose(text)


def _of_object(content: dict[str, Any]) -> float | None:
    keys = [key for key in content if re.search(_SCORE_WORD, key, re.IGNORECASE)]
    others = [value for key, value in content.items() if key not in keys]
    if len(keys) != 1 or not all(isinstance(value, str) for value in others):
        return None
    return number(content[keys[0]])


def _bare(text: str) -> float | None:
    """The number of a text that is nothing else, but for marks and a scale."""
    found = _BARE.fullmatch(_OUT_OF.sub("%", text).strip(_WRAPPING))
    return _in_range(found[1]) if found else None


def _of_prose(text: str) -> float | None:
    scaled = _SCALE.sub(" ", _OUT_OF.sub("%", text))
    if len(_DIGITS.findall(scaled)) != 1:
        return None
    prose = re.sub(r"[*_`]", "", _QUOTED.sub("“”", scaled)).strip()
    found = _NUMBER.search(prose)
    if not found:
        return None
    before, behind = prose[: found.start()], prose[found.end() :]
    unit = _UNIT.match(behind)
    behind = behind[unit.end() :] if unit else behind
    if not (_ends_there(behind) and _is_announced(before)):
        return None
    begins_list = not before and found[0] == "1" and not unit and re.match(r"[.):]\s*\S", behind)
    return None if begins_list else _in_range(found[0])


def _is_announced(before: str) -> bool:
    if not before.strip("([{"):
        return True
    clause = re.split(r"[.!?;\n]", before)[-1]
    return bool(_LEAD_IN.search(before)) and not _HEDGED.search(clause)


def _ends_there(behind: str) -> bool:
    """Whether the statement of the number ends before `behind`, and is not taken back or made conditional."""
    closed = _CLOSED.match(behind)
    if not closed:
        return False
    goes_on = closed[0].strip(" ") in ("", ",", ";", ":", "-", "–", "—", "(")
    rest = behind[closed.end() :].lstrip()
    return not (_TAKEN_BACK.match(rest) or (goes_on and _CONDITION.match(rest)))


def _in_range(text: str) -> float | None:
    value = float(text)
    return value if 0 <= value <= 100 else None
