"""Reading replies that are JSON: the scores of a caption's sentences, and the wrong words of a sentence."""

import re
from collections.abc import Mapping
from typing import Any

from alignbench_auroc.localization import words

import alignbench
from alignbench_tools.replies import REFUSED, UNPARSED, Reading, number
from alignbench_tools.reply_text import answer, fenced, is_refusal, parse_json


def read_scores(reply: str | None, sentences: int) -> list[Reading]:
    """Scores of so many `sentences` from {"scores": [{"index": 1, "score": 85}, …]}.

    A score goes to the sentence whose index stands beside it, so that a missing one shifts nothing. Unparsed
    is a sentence that is missing, or has different scores, or anything but a number in [0, 100]; an index
    beyond the last is left out. If the index 0 is there, the model may have counted from 0: all are unparsed.
    Of a reply that was cut off what is whole counts.
    """
    text = answer(reply)
    found = _entries(text)
    given: dict[int, set[float | None]] = {}
    for each in found or []:
        index = _index(each.get("index")) if isinstance(each, dict) else None
        if index is not None:
            given.setdefault(index, set()).add(number(each.get("score")))
    if not given:
        return [REFUSED if is_refusal(text) else UNPARSED] * sentences
    if 0 in given:
        return [UNPARSED] * sentences
    return [_single(given.get(index, set())) for index in range(1, sentences + 1)]


def _single(values: set[float | None]) -> Reading:
    (value,) = values if len(values) == 1 else (None,)
    return UNPARSED if value is None else Reading("ok", value)


def _index(value: Any) -> int | None:
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,6}", value):
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _entries(text: str) -> list[Any] | None:
    """The list of scores in `text`; of a text that is no JSON as a whole, the objects that are."""
    content = parse_json(fenced(text)[0])
    if isinstance(content, dict):
        content = content.get("scores")
    if isinstance(content, list):
        return content
    if content is not None:
        return None
    return [parse_json(match[0]) for match in re.finditer(r"\{[^{}]*\}", text)]


def read_words(reply: str | None, sentence: str) -> Reading:
    """Spans from {"wrong": [{"quote": "red hat", "confidence": 90}, …]}, in code points of `sentence`.

    A quote is looked for as `alignbench.find_spans` does; the same one twice is two places. In its stead
    "word" may give the number of a word, from 0, as `alignbench_auroc.localization.words` counts them. A
    span's score is the confidence / 100, 1 where none is given; the sentence's is 1 less the highest, and 1
    if nothing is wrong. What is not in the sentence is left out (`misquoted` tells what); if nothing of what
    was given is in it, if a confidence is no number in [0, 100], or if the reply was cut off, the reply is
    unparsed.
    """
    found = _wrong(reply)
    if found is None:
        return REFUSED if is_refusal(answer(reply)) else UNPARSED
    confidences = [number(each.get("confidence", 100)) for each in found]
    places = _places(found, sentence)
    if None in confidences or (found and not any(places)):
        return UNPARSED
    spans = [
        {"start": place[0], "end": place[1], "score": confidence / 100}
        for place, confidence in zip(places, confidences, strict=True)
        if place is not None and confidence is not None
    ]
    return Reading("ok", 1 - max((span["score"] for span in spans), default=0.0), spans)


def misquoted(reply: str | None, sentence: str) -> list[str]:
    """What a reply calls wrong though it is not in `sentence`: what `read_words` leaves out."""
    found = _wrong(reply) or []
    places = _places(found, sentence)
    return [_said(each) for each, place in zip(found, places, strict=True) if place is None]


def _said(each: Mapping[str, Any]) -> str:
    return str(each.get("quote") or each.get("word"))


def _wrong(reply: str | None) -> list[dict[str, Any]] | None:
    content = parse_json(fenced(answer(reply))[0])
    found = content.get("wrong") if isinstance(content, dict) else content
    is_list = isinstance(found, list) and all(isinstance(each, dict) for each in found)
    return found if is_list else None


def _places(found: list[dict[str, Any]], sentence: str) -> list[tuple[int, int] | None]:
    known = words(sentence)
    quotes = [each.get("quote") for each in found]
    spans = alignbench.find_spans(sentence, [quote if isinstance(quote, str) else "" for quote in quotes])
    places: list[tuple[int, int] | None] = []
    for each, quote, span in zip(found, quotes, spans, strict=True):
        word = _index(each.get("word"))
        if quote is None and word is not None and 0 <= word < len(known):
            places.append(known[word])
        else:
            places.append((span.start, span.end) if span else None)
    return places
