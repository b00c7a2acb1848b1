"""Replies that are JSON: a score for each sentence of a caption, and the wrong words of a sentence."""

import itertools
import json
import math
import random
from fractions import Fraction

import datasets
import numpy as np
import pytest
from alignbench_auroc.localization import localization, words
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score

from alignbench_tools.replies import UNPARSED
from alignbench_tools.structured_replies import misquoted, read_scores, read_words


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
        (
            '{"scores": [{"index": true, "score": 10}, {"index": "2", "score": 10}]}',
            ["unparsed", 10, "unparsed"],
        ),
        (
            '{"scores": [{"index": 0, "score": 10}, {"index": 1, "score": 20}, {"index": 2, "score": 30}]}',
            ["unparsed"] * 3,
        ),
        ('{"scores": [{"index": 2, "score": 20}, {"index": 4, "score": 40}]}', ["unparsed", 20, "unparsed"]),
        ('[{"index": 1, "score": 10, "score": 90}, {"index": 2, "score": 20}]', ["unparsed", 20, "unparsed"]),
        ('[{"index": 1, "score": 10}, {"index": 2, "sco', [10, "unparsed", "unparsed"]),
        ('{"scores": [{"index": 1, "score": 10}, {"index": 2, "score": 2', [10, "unparsed", "unparsed"]),
        ('Here they are: {"scores": [{"index": 2, "score": "85/100"}]}', ["unparsed", 85, "unparsed"]),
        ('<think>{"index": 1, "score": 5}?</think>[{"index": 1, "score": 10}]', [10] + ["unparsed"] * 2),
        ('[{"index": 1, "score": NaN}, {"index": 2, "score": 1e999}]', ["unparsed"] * 3),
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
        '{"wrong": [{"quote": "red", "confidence": 10, "confidence": 90}]}',
        '{"wrong": [{"quote": "blue", "word": 4}]}',
        '{"wrong": [{"quote": ["red"]}]}',
        '<think>{"wrong": []}',
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


def test_what_is_left_out_can_be_counted():
    reply = '{"wrong": [{"quote": "blue"}, {"quote": "two"}, {"word": 99}, {"quote": "two"}]}'
    assert misquoted(reply, SENTENCE) == ["blue", "99", "two"]
    assert misquoted("red", SENTENCE) == []


def test_quotes_are_compared_as_they_were_written():
    sentence = "The sign reads ８５：００, in “red”."
    reply = json.dumps({"wrong": [{"quote": "８５：００"}, {"quote": "“red”"}]})
    assert [sentence[s["start"] : s["end"]] for s in read_words(reply, sentence).spans] == [
        "８５：００",
        "“red”",
    ]


@given(st.text(), st.text(max_size=30))
def test_any_reply_about_words_gives_a_reading(reply, sentence):
    reading = read_words(reply, sentence)
    assert reading.status in ("ok", "unparsed", "refused")
    assert reading.score is None or math.isfinite(reading.score)


def asked_about(rows, answer):
    """The metric's localisation of what `answer` says of each row."""
    readings = [read_words(answer(row), row["sentence"]) for row in rows]
    assert {reading.status for reading in readings} == {"ok"}
    return localization(
        rows["sentence"],
        rows["spans"],
        predicted_spans=[r.spans for r in readings],
        captioner=rows["captioner"],
    )


@pytest.fixture(params=["sample", "figures"])
def rows(request):
    if request.param == "sample":
        found = datasets.load_dataset("alignbench", "sample", split="test")
    else:
        folder = str(request.getfixturevalue("figures"))
        found = datasets.load_dataset("alignbench", data_dir=folder, split="test", images="skip")
    return found.select_columns(["captioner", "sentence", "spans"])


def test_answers_made_from_the_true_spans_give_an_average_precision_of_one(rows):
    def truth(row):
        return json.dumps({"wrong": [{"quote": span["text"], "confidence": 100} for span in row["spans"]]})

    place = asked_about(rows, truth)
    assert place["average_precision"] == 1.0
    assert place["average_precision"] > place["prevalence"]


def test_answers_of_random_words_give_the_average_precision_of_chance(rows):
    rng = random.Random(4)

    def dice(row):
        found = range(len(words(row["sentence"])))
        return json.dumps({"wrong": [{"word": word, "confidence": rng.uniform(0, 100)} for word in found]})

    measured = [asked_about(rows, dice)["average_precision"] for _ in range(40)]
    chance = {}
    for row in rows:
        if row["spans"]:
            counts = len(words(row["sentence"])), sum(wrong_words(row))
            chance.setdefault(row["captioner"], []).append(float(chance_of(*counts)))
    expected = np.mean([np.mean(values) for values in chance.values()])
    error = np.std(measured, ddof=1) / np.sqrt(len(measured))
    assert np.mean(measured) == pytest.approx(expected, abs=4 * error)
    assert 4 * error < 0.03


def wrong_words(row):
    return [
        any(start < span["end"] and span["start"] < end for span in row["spans"])
        for start, end in words(row["sentence"])
    ]


def chance_of(size, positives):
    """Expected average precision of a random ranking, exactly (Bestgen, PBML 103, 2015)."""
    if size == positives:
        return Fraction(1)
    harmonic = sum(Fraction(1, rank) for rank in range(1, size + 1))
    return Fraction(positives - 1, size - 1) + Fraction(size - positives, size * (size - 1)) * harmonic


@pytest.mark.parametrize(("size", "positives"), [(1, 1), (5, 1), (6, 3), (4, 4)])
def test_the_formula_of_chance_is_the_mean_over_all_rankings(size, positives):
    rankings = itertools.combinations(range(size), positives)
    found = [
        average_precision_score([i in chosen for i in range(size)], range(size, 0, -1)) for chosen in rankings
    ]
    assert float(chance_of(size, positives)) == pytest.approx(np.mean(found), abs=1e-12)
