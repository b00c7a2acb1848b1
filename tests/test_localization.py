"""Localisation of hallucinated words, beside scikit-learn a sentence and counting by hand."""

import json
import unicodedata

import numpy as np
import pytest
from alignbench_auroc.localization import localization, words
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score


def span(sentence, text, **more):
    start = sentence.index(text)
    return {"start": start, "end": start + len(text), **more}


def texts_of(sentence):
    return [sentence[start:end] for start, end in words(sentence)]


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("A red dog, sitting.", ["A", "red", "dog", "sitting"]),
        ("It's a red-haired dog’s ball", ["It's", "a", "red-haired", "dog’s", "ball"]),
        ("'quoted' - left/right—up", ["quoted", "left", "right", "up"]),
        ("trailing' hyphen- -lead", ["trailing", "hyphen", "lead"]),
        ("costs $5 ±1 🐕", ["costs", "$5", "±1", "🐕"]),
        ("ein\u00a0Hund\u3000犬、猫", ["ein", "Hund", "犬", "猫"]),
        ("हिन्दी शब्द", ["हिन्दी", "शब्द"]),
        ("", []),
        (" ... ", []),
        ("\ud800 lone", ["\ud800", "lone"]),
    ],
)
def test_words_are_cut_at_white_space_and_punctuation(sentence, expected):
    assert texts_of(sentence) == expected


@given(st.text(max_size=40))
def test_words_hold_every_character_but_white_space_and_punctuation(sentence):
    covered = {i for start, end in words(sentence) for i in range(start, end)}
    for i, character in enumerate(sentence):
        separates = character.isspace() or unicodedata.category(character).startswith("P")
        assert i in covered or separates
        if i in covered and separates:
            assert character in "'’-‐‑"


def test_a_hand_counted_sentence():
    sentence = "Two red dogs sit left of a tree."
    result = localization(
        [sentence], [[span(sentence, "red"), span(sentence, "left")]], word_scores=[[0, 9, 7, 1, 7, 2, 0, 3]]
    )
    # Ranked: red (hit, 1 of 1), then dogs and left together (2 of 3): AP = (1 + 2/3) / 2.
    assert result["average_precision"] == pytest.approx((1 + 2 / 3) / 2)
    assert result["prevalence"] == 2 / 8
    assert (result["sentences"], result["left_out"]) == (1, 0)


def test_a_word_is_hallucinated_if_it_shares_a_character_with_a_span():
    sentence = "The hand-painted sign"
    result = localization([sentence], [[span(sentence, "painted s")]], word_scores=[[0, 1, 1]])
    assert result["average_precision"] == 1
    assert result["prevalence"] == pytest.approx(2 / 3)


alphabet = st.sampled_from(list("ab ,-'é🐕"))
sentence_and_span = st.text(alphabet, min_size=1, max_size=30).flatmap(
    lambda s: st.tuples(
        st.just(s),
        st.lists(st.tuples(st.integers(0, len(s) - 1), st.integers(1, 9)), max_size=3),
        st.lists(st.integers(0, 3), min_size=40, max_size=40),
    )
)


@given(st.lists(sentence_and_span, min_size=1, max_size=8))
def test_average_precision_is_the_mean_of_scikit_learns_a_sentence(cases):
    sentences = [sentence for sentence, _, _ in cases]
    spans = [[{"start": a, "end": min(a + n, len(sentence))} for a, n in raw] for sentence, raw, _ in cases]
    scores = [values[: len(words(sentence))] for sentence, _, values in cases]
    expected, prevalences = [], []
    for sentence, gold, values in zip(sentences, spans, scores, strict=True):
        hit = [any(a < g["end"] and g["start"] < b for g in gold) for a, b in words(sentence)]
        if any(hit):
            expected.append(average_precision_score(hit, values))
            prevalences.append(np.mean(hit))
    result = localization(sentences, spans, word_scores=scores)
    assert result["sentences"] == len(expected)
    assert result["left_out"] == len(cases) - len(expected)
    if expected:
        assert result["average_precision"] == pytest.approx(np.mean(expected), abs=1e-12)
        assert result["prevalence"] == pytest.approx(np.mean(prevalences), abs=1e-12)
    else:
        assert np.isnan(result["average_precision"])


@given(st.lists(sentence_and_span, min_size=1, max_size=6), st.data())
def test_character_overlap_is_that_of_the_sets_of_characters(cases, data):
    sentences = [sentence for sentence, _, _ in cases]
    gold = [[{"start": a, "end": min(a + n, len(s))} for a, n in raw] for s, raw, _ in cases]
    predicted = [data.draw(st.permutations(gold[i])) if len(s) % 2 else [] for i, s in enumerate(sentences)]
    predicted = [[{**p, "start": max(p["start"] - 1, 0)} for p in row] for row in predicted]
    f1, iou = [], []
    for sentence, g, p in zip(sentences, gold, predicted, strict=True):
        if any(a < s["end"] and s["start"] < b for s in g for a, b in words(sentence)):
            g, p = ({i for s in row for i in range(s["start"], s["end"])} for row in (g, p))
            f1.append(2 * len(g & p) / (len(g) + len(p)))
            iou.append(len(g & p) / len(g | p))
    result = localization(sentences, gold, predicted_spans=predicted)
    if f1:
        assert result["character_f1"] == pytest.approx(np.mean(f1))
        assert result["character_iou"] == pytest.approx(np.mean(iou))


SENTENCES = ["A red dog on a mat.", "Two cats.", "A blue bus.", "It rains."]
SPANS = [[span(SENTENCES[0], "red")], [span(SENTENCES[1], "Two")], [span(SENTENCES[2], "blue bus")], []]
CAPTIONERS = ["x", "x", "y", "z"]


@pytest.mark.smoke
def test_the_annotation_itself_scores_one_and_serialises():
    result = localization(SENTENCES, SPANS, predicted_spans=SPANS, captioner=CAPTIONERS)
    assert [result[key] for key in ("average_precision", "character_f1", "character_iou")] == [1, 1, 1]
    assert json.loads(json.dumps(result))["captioners"]["x"]["sentences"] == 2


def test_equal_scores_give_the_prevalence():
    result = localization(SENTENCES, SPANS, word_scores=[[5] * len(words(s)) for s in SENTENCES])
    assert result["average_precision"] == pytest.approx(result["prevalence"])
    assert result["prevalence"] == pytest.approx((1 / 6 + 1 / 2 + 2 / 3) / 3)


def test_no_predicted_span_scores_as_a_constant_and_overlaps_nothing():
    result = localization(SENTENCES, SPANS, predicted_spans=[None, [], [], []])
    assert result["average_precision"] == pytest.approx(result["prevalence"])
    assert result["character_f1"] == result["character_iou"] == 0


def test_the_overall_value_is_the_unweighted_mean_over_captioners():
    scores = [[1, 0, 0, 0, 0, 0], [1, 0], [1, 0, 0], None]
    result = localization(SENTENCES, SPANS, word_scores=scores, captioner=CAPTIONERS)
    x, y, z = (result["captioners"][name]["average_precision"] for name in "xyz")
    # x: red is last with four others (1 of 6), Two is first; y: blue last of two levels (2 of 3).
    assert x == pytest.approx((1 / 6 + 1) / 2)
    assert y == pytest.approx(2 / 3)
    assert np.isnan(z)
    assert result["average_precision"] == pytest.approx((x + y) / 2)
    assert result["captioners"]["z"]["left_out"] == result["left_out"] == 1


def test_span_scores_rank_the_words_under_them():
    sentence = "A red dog on a mat."
    gold = [[span(sentence, "red")]]
    sure = [
        [
            span(sentence, "red dog", score=0.2),
            span(sentence, "red", score=0.9),
            span(sentence, "mat", score=0.5),
        ]
    ]
    unsure = [[span(sentence, "red", score=0.2), span(sentence, "mat", score=0.5)]]
    assert localization([sentence], gold, predicted_spans=sure)["average_precision"] == 1
    assert localization([sentence], gold, predicted_spans=unsure)["average_precision"] == 0.5


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "either word_scores or predicted_spans"),
        ({"word_scores": [[1]] * 4, "predicted_spans": [[]] * 4}, "either word_scores or predicted_spans"),
        ({"predicted_spans": [[]] * 3}, "one entry a sentence"),
        ({"predicted_spans": [[]] * 4, "captioner": ["x"]}, "one entry a sentence"),
        ({"word_scores": [[0] * 6, [0], [0] * 3, None]}, r"sentence 1: expected 2 scores.*got 1"),
        ({"word_scores": [[0] * 6, None, [0] * 3, None]}, r"sentence 1: expected 2 scores.*got 0"),
        ({"word_scores": [[0] * 6, [0, 0], [0, np.nan, 0], None]}, "sentence 2: expected finite"),
        ({"predicted_spans": [[], [], [{"start": 2, "end": 12}], []]}, "sentence 2: .*end <= 11"),
        ({"predicted_spans": [[{"start": 2, "end": 2}], [], [], []]}, "sentence 0: .*start 2, end 2"),
        ({"predicted_spans": [[], [{"start": 0, "end": 3, "score": np.inf}], [], []]}, "sentence 1: .*inf"),
    ],
)
def test_bad_input_is_an_error_that_names_the_sentence(arguments, message):
    with pytest.raises(ValueError, match=message):
        localization(SENTENCES, SPANS, **arguments)


def test_nothing_to_localise_is_nan_and_counted():
    result = localization(["It rains."], [[]], word_scores=[None], captioner=["x"])
    assert np.isnan(result["average_precision"])
    assert (result["sentences"], result["left_out"]) == (0, 1)
