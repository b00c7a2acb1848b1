"""Cutting a caption into sentences, once: the cut is stored with the caption and never made again.

The boundaries inside a line are those of `sentencex`; a line break always is one. What is no sentence is not
cut out: the mark of a list item or a heading, a rule, a heading or a title in bold without a full stop.
"""

import re
from importlib.metadata import version
from typing import Any

# Marks before the text of a line: headings, quotes, bullets, numbers of a list.
_MARK = re.compile(r"\s*(?:(?:>|[-*+•–]|\(?\d{1,2}[.)]|[a-z]\))\s+)*")
_HEADING = re.compile(r"\s*#{1,6}\s")
_TITLE = re.compile(r"\s*(?:\*\*|__)[^*_]+(?:\*\*|__):?\s*")
_SPEAKS = re.compile(r"\w")


def splitter() -> dict[str, str]:
    """Name and version of what finds the boundaries; ValueError if it is not installed."""
    try:
        import sentencex  # noqa: F401
    except ImportError as error:
        raise ValueError(f"{error}; pip install 'alignbench[generation]'") from None
    return {"name": "sentencex", "version": version("sentencex")}


def cut(caption: str, language: str = "en") -> list[dict[str, Any]]:
    """The sentences of `caption` as {"start", "end" (code points), "text"}, in order.

    ``caption[start:end] == text``; no sentence begins or ends with white space, and none is without a letter
    or digit. `language` is an ISO 639-1 code.
    """
    from sentencex import segment

    found = []
    for line in re.finditer(r"[^\r\n\u2028\u2029]+", caption):
        if _HEADING.match(line[0]) or _TITLE.fullmatch(line[0]):
            continue
        mark = _MARK.match(line[0])
        at = line.start() + (mark.end() if mark else 0)
        for part in segment(language, caption[at : line.end()]):
            start = caption.index(part, at)
            at = start + len(part)
            text = part.strip()
            if _SPEAKS.search(text):
                start += len(part) - len(part.lstrip())
                found.append({"start": start, "end": start + len(text), "text": text})
    return found
