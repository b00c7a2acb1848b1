"""What counts as a score in a reply: a table of real-looking replies, and no guess on any string."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alignbench_tools.replies import UNPARSED, read_number, read_scores, read_words

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


def outcomes(reply, number=3):
    return [
        reading.score if reading.status == "ok" else reading.status for reading in read_scores(reply, number)
    ]


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (
            '{"scores": [{"index": 1, "score": 10}, {"index": 2, "score": 20}, {"index": 3, "score": 30}]}',
            [10, 20, 30],
        ),
        ('{"scores": [{"index": 3, "score": 30}, {"index": 1, "score": "10"}]}', [10, "unparsed", 30]),
        ('```json\n{"scores": [{"index": 1, "score": 10.5}]}\n```', [10.5, "unparsed", "unparsed"]),
        ('[{"index": 2, "score": 20}]', ["unparsed", 20, "unparsed"]),
        (
            '{"scores": [{"index": 1, "score": 10}, {"index": 2, "score": 20}, {"index": 3, "sc',
            [10, 20, "unparsed"],
        ),
        ('{"scores": [{"index": 1, "score": 10}, {"index": 1, "score": 90}]}', ["unparsed"] * 3),
        ('{"scores": [{"index": 1, "score": 10}, {"index": 1, "score": 10}]}', [10, "unparsed", "unparsed"]),
        ('{"scores": [{"index": 0, "score": 10}, {"index": 4, "score": 10}]}', ["unparsed"] * 3),
        (
            '[{"index": 1, "score": 101}, {"index": 2, "score": -1}, {"index": 3, "score": null}]',
            ["unparsed"] * 3,
        ),
        ('{"scores": [{"index": true, "score": 10}, {"index": "2", "score": 10}]}', ["unparsed"] * 3),
        ('{"scores": [10, 20, 30]}', ["unparsed"] * 3),
        ("10, 20, 30", ["unparsed"] * 3),
        ('{"scores": {"1": 10}}', ["unparsed"] * 3),
        ("", ["unparsed"] * 3),
        (None, ["unparsed"] * 3),
        ("I'm sorry, I can't help with that.", ["refused"] * 3),
    ],
)
def test_scores_of_a_caption_go_to_the_sentences_whose_number_they_bear(reply, expected):
    assert outcomes(reply) == expected


@given(st.text(), st.integers(1, 4))
def test_any_reply_about_a_caption_gives_one_reading_a_sentence(reply, number):
    readings = read_scores(reply, number)
    assert len(readings) == number
    assert all(reading.status in ("ok", "unparsed", "refused") for reading in readings)


SENTENCE = "A man in a red hat holds two red balls."


def test_quotes_become_offsets_with_their_confidence():
    reply = '{"wrong": [{"quote": "red hat", "confidence": 90}, {"quote": "two", "confidence": 40}]}'
    reading = read_words(reply, SENTENCE)
    assert [(SENTENCE[s["start"] : s["end"]], s["score"]) for s in reading.spans] == [
        ("red hat", 0.9),
        ("two", 0.4),
    ]
    assert reading.score == pytest.approx(0.1)


def test_the_same_word_quoted_twice_is_found_in_two_places():
    reply = '{"wrong": [{"quote": "red", "confidence": 90}, {"quote": "red", "confidence": 50}]}'
    assert [span["start"] for span in read_words(reply, SENTENCE).spans] == [11, 29]


def test_word_numbers_serve_as_well():
    reading = read_words('[{"word": 4, "confidence": 100}, {"word": 99, "confidence": 5}]', SENTENCE)
    assert [SENTENCE[s["start"] : s["end"]] for s in reading.spans] == ["red"]


def test_nothing_wrong_is_a_clear_answer():
    reading = read_words('{"wrong": []}', SENTENCE)
    assert (reading.status, reading.score, reading.spans) == ("ok", 1.0, [])


@pytest.mark.parametrize(
    "reply",
    [
        '{"wrong": [{"quote": "green dog", "confidence": 90}]}',
        '{"wrong": [{"quote": "red", "confidence": 900}]}',
        '{"wrong": [{"quote": "red", "confidence": "very"}]}',
        '{"wrong": [{"quote": "red", "conf',
        '{"wrong": ["red"]}',
        '{"wrong": [{}]}',
        '{"right": []}',
        "red",
        "",
        None,
    ],
)
def test_words_that_cannot_be_placed_are_unparsed(reply):
    assert read_words(reply, SENTENCE) == UNPARSED


def test_a_quote_that_is_not_in_the_sentence_is_left_out_where_others_are():
    reading = read_words('{"wrong": [{"quote": "blue", "confidence": 99}, {"quote": "two"}]}', SENTENCE)
    assert [(SENTENCE[s["start"] : s["end"]], s["score"]) for s in reading.spans] == [("two", 1.0)]
    assert reading.score == 0.0


@given(st.text(), st.text(max_size=30))
def test_any_reply_about_words_gives_a_reading(reply, sentence):
    reading = read_words(reply, sentence)
    assert reading.status in ("ok", "unparsed", "refused")
    assert reading.score is None or math.isfinite(reading.score)
