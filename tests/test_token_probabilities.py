"""Scores from token probabilities: P(Yes), and the expected number."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alignbench_tools.token_probabilities import expected_score, probability_of_yes


def tops(*places):
    return [{token: math.log(share) for token, share in place.items()} for place in places]


@pytest.mark.parametrize(
    ("tokens", "score"),
    [
        (tops({"Yes": 0.6, "No": 0.2, "Maybe": 0.2}), 0.75),
        (tops({"Yes": 0.3, "yes": 0.2, " YES": 0.1, "▁No": 0.1, "no.": 0.1}), 0.75),
        (tops({"\n": 0.9, "Yes": 0.1}, {"No": 0.8, "Yes": 0.2}), 0.2),
        (tops({"**": 0.9, "Yes": 0.1}, {"Yes": 0.5, "No": 0.5}), 0.5),
        (tops({"Yes": 1.0}), 1.0),
        (tops({"No": 1.0}), 0.0),
        (tops({"Maybe": 1.0}), None),
        (tops({"Yesterday": 0.5, "Not": 0.5}), None),
        (tops({" ": 1.0}), None),
        ([{}], None),
        ([], None),
    ],
)
def test_the_probability_of_yes_is_shared_out_between_yes_and_no(tokens, score):
    reading = probability_of_yes("Yes", tokens)
    assert reading.status == ("unparsed" if score is None else "ok")
    assert reading.score == (score if score is None else pytest.approx(score, abs=1e-12))


def test_very_sure_answers_stay_apart_instead_of_tying():
    values = [probability_of_yes("No", [{"No": -1e-9, "Yes": -k}]).score for k in (20.0, 30.0, 40.0, 600.0)]
    assert values == sorted(values, reverse=True)
    assert len(set(values)) == 4


def test_a_refusal_that_has_no_yes_in_it_is_a_refusal():
    assert probability_of_yes("I'm sorry, I can't help with that.", tops({"I": 1.0})).status == "refused"


@pytest.mark.parametrize(
    ("reply", "tokens", "score"),
    [
        ("80", tops({"80": 0.5, "90": 0.5}), 85),
        ("80", tops({"80": 0.5, "90": 0.25, "The": 0.25}), (40 + 22.5) / 0.75),
        ("100", tops({" ": 0.9, "5": 0.1}, {"100": 1.0}), 100),
        ("**80**", tops({"**": 1.0}, {"80": 0.75, "100": 0.25}, {"**": 1.0}), 85),
        ("80", tops({"80": 0.75, "8": 0.25}), (60 + 2)),
        # Digit by digit: the second digit of numbers that begin with 9 is not known.
        ("85", tops({"8": 0.75, "9": 0.25}, {"5": 0.5, "0": 0.5}), 82.5),
        ("85", tops({"8": 0.55, "9": 0.45}, {"5": 1.0}), 85),
        ("85", tops({"8": 0.45, "9": 0.55}), 8.55),
        ("85", tops({"8": 0.49, "9": 0.48, "The": 0.03}, {"5": 1.0}), None),
        ("8", tops({"8": 1.0}, {".": 0.6, "5": 0.4}), 0.6 * 8 + 0.4 * 85),
        ("85", tops({"8": 1.0}, {"5": 0.6, ".": 0.4}, {".": 1.0}), 0.6 * 85 + 0.4 * 8),
        ("100", tops({"1": 1.0}, {"0": 1.0}, {"0": 0.5, "": 0.5}), (50 + 5)),
        ("15", tops({"1": 1.0}, {"5": 0.5, "0": 0.4, ".": 0.1}), (7.5 + 0.1) / 0.6),
        ("85", tops({"85": 0.4, "The": 0.6}), None),
        ("850", tops({"850": 1.0}), None),
        ("-3", tops({"-": 1.0}, {"3": 1.0}), None),
        (".85", tops({".": 1.0}, {"85": 1.0}), None),
        ("8.5/10", tops({"8": 1.0}, {".": 1.0}, {"5": 1.0}), None),
        ("70-80", tops({"70": 1.0}, {"-": 1.0}, {"80": 1.0}), None),
        ("The hat", tops({"The": 1.0}), None),
        ("85", [], None),
        (None, tops({"85": 1.0}), None),
    ],
)
def test_the_expected_score_is_the_mean_of_the_numbers_it_might_have_been(reply, tokens, score):
    reading = expected_score(reply, tokens)
    assert reading.status == ("unparsed" if score is None else "ok")
    assert reading.score == (score if score is None else pytest.approx(score, abs=1e-9))


def test_tokens_without_a_finite_log_probability_count_for_nothing():
    nothing = {"No": math.nan, "no": None, " no": math.inf, "80": -math.inf}
    assert probability_of_yes("Yes", [{"Yes": -0.1, **nothing}]).score == 1.0
    assert expected_score("90", [{"90": -0.1, **nothing}]).score == 90.0
    assert probability_of_yes("Yes", [nothing]).status == "unparsed"


TOKEN = st.one_of(st.text(max_size=4), st.sampled_from(["Yes", " no", "1", "0", "8", "85", "100", "."]))
TOKENS = st.lists(st.dictionaries(TOKEN, st.floats(-9999, 1) | st.floats(), max_size=6), max_size=4)


@given(TOKENS)
def test_any_probabilities_give_a_score_in_range_or_a_reason(tokens):
    for read, top in ((probability_of_yes, 1), (expected_score, 100)):
        reading = read("85", tokens)
        assert reading.status in ("ok", "unparsed", "refused")
        assert reading.score is None or 0 <= reading.score <= top
