"""What counts as a score in a reply: a table of real-looking replies, and no guess on any string."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alignbench_tools.replies import UNPARSED, read_number

SCORES = {
    "85": 85,
    "85.": 85,
    " 85 \n": 85,
    "0": 0,
    "100": 100,
    "100.0": 100,
    "85.5": 85.5,
    "0.85": 0.85,
    "7": 7,
    "85!": 85,
    "85/100": 85,
    "85 / 100": 85,
    "85/100.": 85,
    "85 out of 100.": 85,
    "85 out of 100": 85,
    "85 out of a possible 100": 85,
    "85%": 85,
    "85 percent": 85,
    "85 points": 85,
    "100/100": 100,
    "0/100": 0,
    "Score: 85": 85,
    "score = 85": 85,
    "Score: 85/100": 85,
    "SCORE: 85": 85,
    "**85**": 85,
    "**Score:** 85": 85,
    "Score: **85**": 85,
    "`85`": 85,
    '"85"': 85,
    "“85”": 85,
    "(85)": 85,
    "[85]": 85,
    "\\boxed{85}": 85,
    "$\\boxed{85}$": 85,
    '{"score": 85}': 85,
    '```json\n{"score": 85}\n```': 85,
    '{"score": "85"}': 85,
    "I'd say 85/100": 85,
    "I would say 85.": 85,
    "I'd rate it 85 out of 100.": 85,
    "I would rate this 85/100.": 85,
    "I would give this sentence a score of 85 out of 100.": 85,
    "My rating is 85.": 85,
    "The score is 85.": 85,
    "Answer: 85": 85,
    "Final answer: 85": 85,
    "Correctness: 85%": 85,
    "85, because the hat is red.": 85,
    "85. The sentence is right.": 85,
    "85\n\nThe hat is red.": 85,
    "85 - the hat is red": 85,
    "The hat is red, as stated.\n\nScore: 85": 85,
    "８５": 85,
    "８５／１００": 85,
    "٨٥": 85,
    "८५": 85,
    "<think>Is it 50 or 60? There are 2 hats.</think>85": 85,
    "Rating: 85 out of 100": 85,
    "85 (out of 100)": 85,
    "Score (0-100): 85": 85,
    "On a scale of 0 to 100, I would rate this sentence 85.": 85,
    "85 on a scale from 0 to 100": 85,
    "I'd say it's 85/100": 85,
    "Score - 85": 85,
    "Rating – 85/100": 85,
    "<answer>85</answer>": 85,
    "<think>Two hats?</think><answer>85</answer>": 85,
    "The template opened the thought, 3 dogs or 2? </think>\n\n85": 85,
    "85<|im_end|>": 85,
    "85</s>": 85,
    "<|begin_of_box|>85<|end_of_box|>": 85,
    "\ufeff85": 85,
    "\u200f٨٥\u200f": 85,
    "（85）": 85,
    '{"score": 85, "explanation": "The hat is red."}': 85,
    'Here is my answer:\n```json\n{"score": 85}\n```\nThe hat is red.': 85,
    "10. I don't see a hat in the image.": 10,
    "Score: 10\nI cannot find any hat.": 10,
    "0. I'm afraid the hat is blue.": 0,
    "1": 1,
    "1.": 1,
    "1/100. Nothing fits.": 1,
    "Score: 1. Nothing fits.": 1,
    "100. No errors.": 100,
}
NO_SCORE = [
    "",
    " ",
    "\n",
    "eighty-five",
    "Eighty five out of a hundred",
    "I'd say eighty-five",
    "150",
    "1000",
    "-3",
    "−3",
    "+85",
    "NaN",
    "nan",
    "inf",
    "Infinity",
    "None",
    "null",
    "N/A",
    "1e2",
    "85e0",
    "0x55",
    "85,5",
    "100.5",
    "100.01",
    "70-80",
    "70 – 80",
    "between 70 and 80",
    "85 or 90",
    "70 to 80",
    "85 85",
    "85, 90",
    "Score: 85 or 90",
    "8.5/10",
    "8/10",
    "4/5",
    "4 out of 5",
    "85/10",
    "85/1000",
    "85/100/100",
    "12:30",
    "3.4.5",
    "~85",
    "≈85",
    "> 90",
    ">90",
    "about 85",
    "around 85/100",
    "At least 85/100",
    "more than 85/100",
    "less than 10",
    "not 85/100",
    "I wouldn't say 85",
    "I'd never give 100",
    "85-ish",
    "85+",
    "85th",
    "85x",
    "a85",
    "85 dogs",
    "There are 3 dogs.",
    "The sentence says 85 dogs.",
    'The picture shows a sign "Score: 85".',
    "The sign reads 'Score: 85'.",
    "The score is 85 because there are 2 dogs.",
    "The 2 dogs are right. Score: 85",
    "8²",
    "85²",
    "½",
    "Ⅷ",
    "八十五",
    "Yes",
    "The sentence is correct.",
    "⭐⭐⭐⭐",
    "<html><body>502 Bad Gateway</body></html>",
    "Score:",
    "/100",
    "On a scale of 0 to 100, it is good.",
    "0-100",
    "[1, 2]",
    '{"a": 1, "b": 2}',
    '{"score": 150}',
    '{"score": true}',
    '{"score": [85]}',
    '{"score": 85',
    "word " * 1000,
    "The 3 dogs and 2 cats " * 250,
    "1. **Analyzing the image:** The image shows a red",
    "1) The hat is red.",
    "Score: −3",
    "Score: -3",
    "Score: - 3",
    "Score: <10",
    "Score: > 90",
    "Score: ~85",
    "Score: +85",
    "Score: ±5",
    "Score: $85",
    "Score: 85?",
    "A perfect score is 100, but the hat is blue.",
    "The highest possible score is 100.",
    "If the hat were red, the score would be 100.",
    "I'd give it a score of 100, if the hat were red.",
    "85, or maybe ninety",
    "85 (if the hat were red)",
    "I'd say 85, no, less",
    "85. No, wait.",
    "<think>Okay, the hat is red. I'd say 85",
    "<think>The hat is red.</think>",
    "<think>85",
    '{"score": 85, "score": 10}',
    '{"score": 85, "max": 100}',
    '{"score": 85, "rating": 80}',
    '{"dogs": 3}',
    '```json\n{"score": 85}\n```\nor\n```json\n{"score": 10}\n```',
    'Of 90 details one is wrong.\n```json\n{"score": 85}\n```',
    '"A red hat." 85',
    "The score should be 85.",
    "On a scale of 0 to 10, 8",
    "Score (0-10): 8",
    "85½",
    "85 ½",
    "8,5",
    "1,000",
    "Score: 85e3",
    "85" * 20_000,
    "\ud800",
    "\x00",
    "٨٥٠",
]
REFUSALS = [
    "I'm sorry, I can't help with that.",
    "I am sorry, but I cannot assist with this request.",
    "I cannot see the image.",
    "I can’t identify people in images.",
    "As an AI, I am unable to view images.",
    "I'm unable to judge this.",
    "Sorry, this is against our content policy.",
    "I cannot give 100/100 here.",
    "I'm sorry, I can't rate this: 0/100",
    "I don't see an image.",
    "0\n\nI'm sorry, but I cannot see the image.",
    "Score: 0. No image was provided.",
    "Please provide the image you would like me to judge.",
    "There is no image attached. 0",
    "The image was not provided, so my score is 0.",
    "I did not receive any picture. Score: 50",
    "I apologize, but I won't do that.",
    '{"score": 0, "explanation": "I cannot see the image."}',
]


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
