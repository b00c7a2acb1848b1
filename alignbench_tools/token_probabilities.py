"""Scores from the probabilities of the tokens that a model might have answered with."""

import math
from collections.abc import Mapping, Sequence

from alignbench_tools.replies import REFUSED, UNPARSED, Reading, read_number

# At each place of the answer the most probable tokens with their natural log-probabilities.
TopTokens = Sequence[Mapping[str, float]]

YES, NO = frozenset({"yes"}), frozenset({"no"})
# Numbers that together are less probable than this say little of the distribution over all numbers.
COVERED = 0.5
# Signs of white space and of word starts in tokenizers, and marks that only dress up an answer.
_DRESS = " \t\r\n▁ĠĊ*_`\"'“”‘’.,:;!()[]"
_WORD_START = " ▁Ġ"


def probability_of_yes(reply: str | None, tokens: TopTokens) -> Reading:
    """P(Yes) / (P(Yes) + P(No)), each summed over its spellings among the most probable first tokens.

    Lin et al., Evaluating Text-to-Visual Generation with Image-to-Text Generation (VQAScore), ECCV 2024,
    arXiv 2404.01291, take P("Yes"); the division makes models comparable that spread it over "Yes", "yes"
    and " Yes". The first token is that of the first place whose most probable token is more than white space
    and marks. In [0, 1]: 1 if only Yes is among its alternatives, 0 if only No; unparsed if neither is.
    """
    answer = _answer(_usable(tokens))
    first = answer[0] if answer else {}
    yes = _log_sum([logprob for token, logprob in first.items() if word_of(token) in YES])
    no = _log_sum([logprob for token, logprob in first.items() if word_of(token) in NO])
    if yes == no == -math.inf:
        return _unread(reply)
    # Past 700 the power would overflow; the score is 0 to 300 places there.
    return Reading("ok", 1 / (1 + math.exp(min(no - yes, 700.0))) if yes > -math.inf else 0.0)


def expected_score(reply: str | None, tokens: TopTokens, sentence: str = "") -> Reading:
    """The mean of the numbers 0 to 100 that the answer might have been, weighted by their probabilities.

    Numbers are followed through the answer's own tokens: where a number is one token, all among the first
    token's most probable count; where it is written digit by digit, those that share the answer's first
    digit, for of the others the next digit is not known. What is known is normalized to 1. If it is less
    than `COVERED`, or if the reply itself is no score by the rule of `replies`, there is no score.
    """
    told = read_number(reply, sentence)
    if told.status != "ok":
        return told
    numbers = _numbers(_answer(_usable(tokens)))
    covered = math.fsum(share for _, share in numbers)
    if covered < COVERED:
        return UNPARSED
    mean = math.fsum(value * share for value, share in numbers) / covered
    return Reading("ok", min(max(mean, 0.0), 100.0))


def _usable(tokens: TopTokens) -> list[dict[str, float]]:
    """`tokens` without those that have no log-probability."""
    return [
        {
            token: min(float(value), 0.0)
            for token, value in place.items()
            if isinstance(value, (int, float)) and math.isfinite(value)
        }
        for place in tokens
    ]


def _answer(tokens: list[dict[str, float]]) -> list[dict[str, float]]:
    """`tokens` from the first place on whose most probable token is more than white space and marks."""
    for place, each in enumerate(tokens):
        if each and word_of(_likeliest(each)):
            return tokens[place:]
    return []


def _likeliest(place: Mapping[str, float]) -> str:
    return max(place, key=place.__getitem__, default="")


def word_of(token: str) -> str:
    """A token without case, space and marks."""
    return token.strip(_DRESS).casefold()


def _log_sum(logprobs: Sequence[float]) -> float:
    """log(sum(exp(logprobs))), -inf of nothing."""
    top = max(logprobs, default=-math.inf)
    return top + math.log(sum(math.exp(value - top) for value in logprobs)) if logprobs else top


def _numbers(tokens: list[dict[str, float]]) -> list[tuple[int, float]]:
    """Pairs (number, probability) of what is known."""
    if not tokens:
        return []
    chosen = _likeliest(tokens[0])
    found = []
    for token, logprob in tokens[0].items():
        digits = token.strip(_WORD_START)
        if not _is_digits(digits):
            continue
        if token == chosen:
            found += _continued(digits, math.exp(logprob), tokens[1:])
        elif len(digits) > 1 or not _goes_on(chosen, tokens):
            found.append((int(digits), math.exp(logprob)))
    return [(value, share) for value, share in found if value <= 100]


def _continued(prefix: str, share: float, following: list[dict[str, float]]) -> list[tuple[int, float]]:
    """The numbers that begin with `prefix`, which the answer's own tokens hold, of probability `share`."""
    if not following or int(prefix) > 10 or len(prefix) > 2:
        return [(int(prefix), share)]
    chosen = _likeliest(following[0])
    found, ended = [], 1.0
    for token, logprob in following[0].items():
        if not _is_digits(token):
            continue
        probability = math.exp(logprob)
        ended -= probability
        longer = prefix + token
        if token == chosen:
            found += _continued(longer, share * probability, following[1:])
        # "1", "0" might yet have become 100.
        elif longer != "10":
            found.append((int(longer), share * probability))
    return [*found, (int(prefix), share * max(ended, 0.0))]


def _goes_on(chosen: str, tokens: list[dict[str, float]]) -> bool:
    """Whether the answer's first number is of several tokens."""
    return _is_digits(chosen.strip(_WORD_START)) and len(tokens) > 1 and _is_digits(_likeliest(tokens[1]))


def _is_digits(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 3


def _unread(reply: str | None) -> Reading:
    return REFUSED if read_number(reply).status == "refused" else UNPARSED
