"""What counts as a score in a reply: a table of real-looking replies, and no guess on any string."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reply_table import NO_SCORE, REFUSALS, SCORES

from alignbench_tools.replies import UNPARSED, read_number


@pytest.mark.parametrize("reply", SCORES)
def test_a_reply_that_states_one_score_gives_it(reply):
    assert read_number(reply)[:2] == ("ok", SCORES[reply])


@pytest.mark.parametrize("reply", NO_SCORE)
def test_a_reply_without_one_clear_score_is_unparsed(reply):
    assert read_number(reply)[:2] == ("unparsed", None)


@pytest.mark.parametrize("reply", REFUSALS)
def test_a_refusal_is_one_whatever_number_it_mentions(reply):
    assert read_number(reply)[:2] == ("refused", None)


@pytest.mark.parametrize("reply", ["The score is 3.", "The score is 3.\n", "“The score is 3.”"])
def test_a_number_of_the_sentence_is_no_score_when_the_sentence_is_repeated(reply):
    assert read_number(reply, "The score is 3.") == UNPARSED
    assert read_number(f"{reply}\nScore: 85", "The score is 3.")[:2] == ("ok", 85)


@given(
    st.integers(0, 100),
    st.sampled_from("-−–<>≤≥~≈±+$#^*/\\?&@"),
    st.sampled_from(["", "Score: ", "I'd say "]),
)
def test_a_sign_before_a_number_is_never_passed_over(score, sign, lead):
    reading = read_number(f"{lead}{sign}{score}")
    assert reading[:2] == (("ok", score) if sign == "*" else ("unparsed", None))


@given(st.text())
def test_reasoning_before_the_answer_changes_nothing(thought):
    thought = thought.replace("<", "").replace("◁", "")
    assert read_number(f"<think>{thought}</think>85")[:2] == ("ok", 85)
    assert read_number(f"<think>{thought} Score: 85") == UNPARSED


def test_what_is_no_text_is_unparsed():
    assert read_number(None) == UNPARSED


PIECES = st.sampled_from(
    [
        "85",
        "100",
        "/100",
        " out of ",
        ".",
        ",",
        "-",
        "%",
        "I'd say ",
        "Score: ",
        "not ",
        '"',
        "```",
        "{",
        "}",
        "\n",
        "٣",
    ]
)


@given(st.one_of(st.text(), st.lists(st.one_of(PIECES, st.text(max_size=3))).map("".join)))
def test_any_string_gives_a_number_in_range_or_a_reason(reply):
    status, score, _ = read_number(reply)
    assert status in ("ok", "unparsed", "refused")
    assert (status == "ok") == (score is not None)
    if score is not None:
        assert 0 <= score <= 100
        assert str(int(score)) in "".join(str(c) if not c.isdecimal() else str(int(c)) for c in reply)


@given(
    st.integers(0, 100), st.sampled_from(["{}", "Score: {}", "{}/100", "I'd say {}/100.", "**{}**", "{}%"])
)
def test_every_whole_score_is_read_back(score, form):
    assert read_number(form.format(score))[:2] == ("ok", score)


@given(
    st.integers(0, 100),
    st.integers(0, 100),
    st.sampled_from(["{} {}", "{}, then {}", "Score: {}\n{}", "{}-{}"]),
)
def test_two_numbers_are_never_one_score(one, two, form):
    assert read_number(form.format(one, two)) == UNPARSED


def test_the_examples_in_the_docs_are_read_as_they_say():
    docs = (Path(__file__).parents[1] / "docs" / "protocols.md").read_text(encoding="utf-8")
    table = docs.split("| reply | read as |")[1].split("\n\n")[0]
    rows = [line.strip("| ").rsplit(" | ", 1) for line in table.splitlines() if "`" in line]
    assert len(rows) == 9
    for replies, outcomes in rows:
        found = [read_number(reply) for reply in re.findall(r"`([^`]+)`", replies)]
        shown = [f"{each.score:g}" if each.status == "ok" else each.status for each in found]
        assert shown == outcomes.split(", ") or set(shown) == {outcomes}
