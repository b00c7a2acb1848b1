"""Wrong phrases become offsets in their sentence, and the offsets always say what the sentence says."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

import alignbench


def texts(sentence, *phrases):
    spans = alignbench.find_spans(sentence, phrases)
    return [span and sentence[span.start : span.end] for span in spans]


def places(sentence, *phrases):
    return [span and (span.start, span.end) for span in alignbench.find_spans(sentence, phrases)]


@pytest.mark.parametrize(
    ("sentence", "phrases", "expected"),
    [
        ("A woman and a man.", ["man"], [(14, 17)]),
        ("That hat is a hat.", ["hat", "hat"], [(5, 8), (14, 17)]),
        ("A red ball on a red box.", ["red"], [(2, 5)]),
        ("A red ball on a red box.", ["red", "red"], [(2, 5), (16, 19)]),
        ("A red ball on a red box.", ["ball", "red"], [(6, 10), (16, 19)]),
        ("A red ball on a box.", ["ball", "red"], [(6, 10), (2, 5)]),
        ("A red ball on a box.", ["red ball", "red"], [(2, 10), (2, 5)]),
        ("A red ball.", ["red", "red"], [(2, 5), None]),
        ("Only a woman.", ["man"], [(9, 12)]),
        ("PEBBLE and WOMAN.", ["ble", "man"], [None, None]),
        ("The woman saw Man Ray.", ["man"], [(14, 17)]),
        ("snake_case case", ["case"], [(11, 15)]),
        ("🐈 Fünf é cats", ["Fünf", "cats"], [(2, 6), (9, 13)]),
        ("A red ball.", ["blue", "", "   "], [None, None, None]),
    ],
)
def test_whole_words_come_first_and_each_occurrence_is_used_once(sentence, phrases, expected):
    assert places(sentence, *phrases) == expected


@pytest.mark.parametrize(
    ("sentence", "phrase", "found", "how"),
    [
        ("A Red Ball.", "Red Ball", "Red Ball", None),
        ("A Red Ball.", "red ball", "Red Ball", "error_words_case"),
        ("Une CRÈME brûlée.", "crème", "CRÈME", "error_words_case"),
        ("A red  ball.", "red ball", "red  ball", "error_words_whitespace"),
        ("A red ball.", "red\u00a0ball", "red ball", "error_words_whitespace"),
        ("A red ball.", "red \n ball", "red ball", "error_words_whitespace"),
        ("Eight cats.", "eigh t", "Eight", "error_words_whitespace"),
        ("It reads “OPEN”.", '"open"', "“OPEN”", "error_words_whitespace"),
        ("The cat’s hat.", "cat's hat", "cat’s hat", "error_words_whitespace"),
        ("It reads “Buckshot,” here.", "“Buckshot,”", "“Buckshot,”", None),
        ("A (red) ball.", "(red)", "(red)", None),
    ],
)
def test_repairs_give_the_sentences_own_spelling_and_say_how(sentence, phrase, found, how):
    (span,) = alignbench.find_spans(sentence, [phrase])
    assert (sentence[span.start : span.end], span.how) == (found, how)


def test_a_missing_letter_or_a_lost_space_is_not_repaired():
    assert texts("An orange cat sits apart.", "ornge", "a part of", "orangecat") == [None, None, None]


@given(st.text(max_size=60), st.lists(st.text(min_size=1, max_size=8), max_size=4))
def test_spans_of_any_text_are_inside_it_and_not_used_twice(sentence, phrases):
    spans = alignbench.find_spans(sentence, phrases)
    assert len(spans) == len(phrases)
    found = [(span.start, span.end) for span in spans if span]
    assert all(0 <= start < end <= len(sentence) for start, end in found)
    assert len(set(found)) == len(found)


@given(st.text(min_size=1, max_size=60), st.data())
def test_a_phrase_cut_from_the_sentence_is_found_as_written(sentence, data):
    start = data.draw(st.integers(0, len(sentence) - 1))
    phrase = sentence[start : data.draw(st.integers(start + 1, len(sentence)))]
    (span,) = alignbench.find_spans(sentence, [phrase])
    if phrase.strip():
        assert span is not None
        assert "".join(sentence[span.start : span.end].split()).lower() == "".join(phrase.split()).lower()


@given(st.lists(st.sampled_from(["red", "hat", "that", "man", "woman", "Red", "é", "27"]), min_size=1))
def test_words_of_a_sentence_listed_in_order_are_found_where_they_stand(words):
    sentence = " ".join(words)
    starts = [len(" ".join(words[:n])) + (n > 0) for n in range(len(words))]
    assert places(sentence, *words) == [(s, s + len(w)) for s, w in zip(starts, words, strict=True)]
