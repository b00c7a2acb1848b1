"""The rules from votes to verdicts, against an implementation character by character."""

import itertools
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alignbench import HALLUCINATION_TYPES
from alignbench_tools.annotation.votes import CHOICES, Mark, Vote, common_marks, dawid_skene, judge, majority

SENTENCE = "Two small red cars stand before the old house."


def at(words: str, kind: str | None = "Object") -> Mark:
    start = SENTENCE.index(words)
    return Mark(start, start + len(words), kind)


def votes(*choices: str | tuple[Mark, ...]) -> list[Vote]:
    """A vote each; marks stand for incorrect."""
    return [
        Vote(str(number), choice) if isinstance(choice, str) else Vote(str(number), "incorrect", choice)
        for number, choice in enumerate(choices)
    ]


@pytest.mark.parametrize(
    ("choices", "label"),
    [
        (["correct"] * 2 + ["incorrect"], "correct"),
        (["incorrect"] * 2 + ["correct"], "incorrect"),
        (["correct", "incorrect"], "unknown"),
        (["correct", "incorrect", "unknown"], "unknown"),
        (["correct", "correct", "incorrect", "incorrect", "unknown"], "unknown"),
        (["unknown", "unknown", "correct"], "unknown"),
        (["unknown", "correct", "correct"], "correct"),
        ([], "unknown"),
    ],
)
def test_label_is_the_majority_and_a_tie_is_unknown(choices: list[str], label: str) -> None:
    assert majority(Counter(choices)) == label
    assert judge(SENTENCE, votes(*choices)).label == label


def test_tie_is_to_be_adjudicated_and_a_majority_for_unknown_is_not() -> None:
    assert judge(SENTENCE, votes("correct", "incorrect")).doubts == ("tied label",)
    assert judge(SENTENCE, votes("unknown", "unknown", "correct")).doubts == ()


def test_agreement_and_fleiss_pi_are_those_of_the_counts() -> None:
    verdict = judge(SENTENCE, votes("correct", "correct", "incorrect"))
    assert verdict.counts == (2, 1, 0)
    assert verdict.agreement == pytest.approx(2 / 3)
    assert verdict.fleiss_pi == pytest.approx(1 / 3)
    alone = judge(SENTENCE, votes("correct"))
    assert alone.agreement == 1
    assert alone.fleiss_pi is None


def test_span_is_what_more_than_half_of_those_who_said_incorrect_marked() -> None:
    found = judge(SENTENCE, votes((at("small red"),), (at("red cars"),), (at("red"), at("house")), "correct"))
    assert found.label == "incorrect"
    assert found.spans == (at("red"),)
    assert found.doubts == ()


def test_half_of_those_who_said_incorrect_is_no_majority() -> None:
    found = judge(SENTENCE, votes((at("red"),), (at("house"),)))
    assert found.spans == ()
    assert found.doubts == ("no common words",)


def test_who_says_incorrect_and_marks_nothing_counts_as_one_who_left_every_word_alone() -> None:
    assert judge(SENTENCE, votes((at("red"),), (), ())).spans == ()
    assert judge(SENTENCE, votes((at("red"),), (at("red"),), ())).spans == (at("red"),)


def test_type_is_that_of_most_who_marked_the_character() -> None:
    marks = [(at("red", "Attribute"),), (at("red", "Attribute"),), (at("red", "Object"),)]
    assert common_marks(SENTENCE, marks) == ((at("red", "Attribute"),), [])


def test_words_of_two_types_side_by_side_are_two_spans() -> None:
    both = (at("Two", "Number"), at("small", "Attribute"))
    assert common_marks(SENTENCE, [both, both, (at("Two small", "Number"),)])[0] == both


def test_tied_type_falls_to_the_more_frequent_of_the_sentence_and_is_to_be_adjudicated() -> None:
    marks = [(at("red", "Object"), at("old", "Attribute")), (at("red", "Attribute"), at("old", "Attribute"))]
    spans, doubts = common_marks(SENTENCE, marks)
    assert spans == (at("red", "Attribute"), at("old", "Attribute"))
    assert doubts == ["tied type"]


def test_overlapping_marks_of_one_annotator_count_once() -> None:
    marks = [(at("small red"), at("red cars")), (), ()]
    assert common_marks(SENTENCE, marks)[0] == ()


def test_span_has_no_space_at_its_ends() -> None:
    loose = Mark(SENTENCE.index(" red"), SENTENCE.index("cars"), "Attribute")
    assert common_marks(SENTENCE, [(loose,)])[0] == (at("red", "Attribute"),)


marks_of_one = st.lists(
    st.tuples(st.integers(0, 19), st.integers(1, 8), st.sampled_from(HALLUCINATION_TYPES[:3])).map(
        lambda t: Mark(t[0], min(20, t[0] + t[1]), t[2])
    ),
    max_size=4,
)


@given(st.text("ab ", min_size=20, max_size=20), st.lists(marks_of_one, min_size=1, max_size=5))
def test_spans_agree_with_counting_every_character(sentence: str, marks: list[list[Mark]]) -> None:
    overall = Counter(mark.type for given_marks in marks for mark in given_marks)
    kinds: list[str | None] = []
    for place in range(20):
        said = [{mark.type for mark in given if mark.start <= place < mark.end} for given in marks]
        here = Counter(kind for found in said for kind in found)
        most = sorted(here, key=lambda kind: (-here[kind], -overall[kind], HALLUCINATION_TYPES.index(kind)))
        kinds.append(most[0] if 2 * sum(map(bool, said)) > len(marks) else None)
    expected = []
    for kind, run in itertools.groupby(range(20), key=kinds.__getitem__):
        places = list(run)
        text = sentence[places[0] : places[-1] + 1]
        if kind and text.strip():
            start = places[0] + len(text) - len(text.lstrip())
            expected.append(Mark(start, start + len(text.strip()), kind))
    assert common_marks(sentence, marks)[0] == tuple(expected)


@given(st.lists(st.sampled_from(CHOICES), max_size=7), st.randoms())
def test_order_of_votes_does_not_matter(choices: list[str], random) -> None:
    shuffled = random.sample(choices, len(choices))
    assert judge(SENTENCE, votes(*choices)) == judge(SENTENCE, votes(*shuffled))


def test_dawid_skene_believes_the_reliable_minority() -> None:
    pytest.importorskip("crowdkit", reason="needs crowd-kit (pip install 'alignbench[annotation]')")
    right = {f"s{n}": "correct" if n % 2 else "incorrect" for n in range(40)}
    wrong = {"correct": "incorrect", "incorrect": "correct"}
    given_votes = {}
    for number, (name, truth) in enumerate(right.items()):
        careless = [truth if (number * seed) % 7 < 4 else wrong[truth] for seed in (1, 2, 3)]
        said = [truth, truth, *careless] if number else [truth, truth, *[wrong[truth]] * 3]
        given_votes[name] = [Vote(str(n), choice) for n, choice in enumerate(said)]
    assert judge(SENTENCE, given_votes["s0"]).label == wrong[right["s0"]]
    assert dawid_skene(given_votes)["s0"] == right["s0"]
