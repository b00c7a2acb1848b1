"""Reading Label Studio's exports: every defect counted, none in silence, nothing counted twice."""

import json

import pytest
from annotating import answer, task
from hypothesis import given
from hypothesis import strategies as st

from alignbench_tools.annotation.exports import KINDS, ballots, checked, read_file
from alignbench_tools.annotation.items import Item
from alignbench_tools.annotation.votes import Mark, Vote

ITEM = Item("newmodel", "own", "p0", "Street", 0, "😀 Two red cars, a red hat 𝒜 and  one dog.")
RED, HAT = ITEM.sentence.index("red"), ITEM.sentence.index("hat")


def read(*tasks, item=ITEM):
    return ballots([tasks], {item.key: item})


def votes(*annotations):
    found = read(task(ITEM, *annotations))
    return found.first.get(ITEM.key, []), found.problems.counts()


def test_marks_are_taken_with_their_type() -> None:
    assert votes(answer("incorrect", (RED, RED + 3, "red", "Attribute"))) == (
        [Vote("1", "incorrect", (Mark(RED, RED + 3, "Attribute"),))],
        {},
    )


def test_offsets_in_utf16_units_are_known_by_the_words_beside_them() -> None:
    start = len(ITEM.sentence[: ITEM.sentence.index("dog")].encode("utf-16-le")) // 2
    given_votes, problems = votes(answer("incorrect", (start, start + 3, "dog", "Object")))
    (mark,) = given_votes[0].marks
    assert ITEM.sentence[mark.start : mark.end] == "dog"
    assert problems == {}


def test_white_space_that_the_page_collapsed_is_no_other_text() -> None:
    start = ITEM.sentence.index("and")
    given_votes, problems = votes(answer("incorrect", (start, start + 8, "and one", "Number")))
    assert given_votes[0].marks == (Mark(start, start + 8, "Number"),)
    assert problems == {}


def test_words_that_stand_elsewhere_once_are_found_and_counted() -> None:
    given_votes, problems = votes(answer("incorrect", (0, 3, "hat", "Object")))
    assert given_votes[0].marks == (Mark(HAT, HAT + 3, "Object"),)
    assert problems == {"mark_moved": 1}


@pytest.mark.parametrize(
    "mark",
    [
        (500, 510, "elephant", "Object"),
        (-4, 3, None, "Object"),
        (5, 5, None, "Object"),
        (0, 400, None, "Object"),
        ("here", "there", None, "Object"),
        (0, 3, "red", "Attribute"),  # twice in the sentence, and not there
    ],
)
def test_words_outside_the_sentence_are_dropped_and_counted_and_the_vote_stays(mark) -> None:
    assert votes(answer("incorrect", mark)) == (
        [Vote("1", "incorrect")],
        {"incorrect_without_marks": 1, "mark_outside": 1},
    )


@pytest.mark.parametrize("choice", ["correct", "unknown"])
def test_marks_on_what_is_not_incorrect_are_dropped_and_the_choice_counts(choice) -> None:
    marked = answer(choice, (RED, RED + 3, "red", "Attribute"))
    assert votes(marked) == ([Vote("1", choice)], {"marks_without_error": 1})


def test_incorrect_without_marks_counts_and_is_reported() -> None:
    assert votes(answer("incorrect")) == ([Vote("1", "incorrect")], {"incorrect_without_marks": 1})


def test_mark_without_a_known_type_is_kept_untyped() -> None:
    given_votes, problems = votes(answer("incorrect", (RED, RED + 3, "red", "Colour")))
    assert given_votes[0].marks == (Mark(RED, RED + 3, None),)
    assert problems == {"mark_untyped": 1}


def test_skipped_unchosen_and_anonymous_annotations_are_no_votes() -> None:
    given_votes, problems = votes(
        answer("correct", by=1, was_cancelled=True),
        answer("correct", by=2, result=[]),
        answer("perhaps", by=3),
        answer("correct", by=None),
        answer("correct", by={"id": 4, "email": "someone@example.org"}),
    )
    assert given_votes == [Vote("4", "correct")]
    assert problems == {"skipped": 1, "no_choice": 2, "anonymous": 1}


def test_task_of_another_round_and_a_changed_sentence_are_left_out() -> None:
    found = read(
        task(ITEM, answer("correct"), key="another"),
        task(ITEM, answer("correct"), sentence="Two red cars."),
    )
    assert found.rounds == {}
    assert found.problems.counts() == {"foreign_task": 1, "changed_sentence": 1}


def test_drafts_are_counted_and_are_no_votes() -> None:
    begun = task(ITEM)
    begun["drafts"] = [{"id": 7, "annotation": None, "result": []}, {"id": 8, "annotation": 3}]
    assert read(begun).problems.counts() == {"draft": 1}


def test_two_exports_of_one_project_count_each_annotation_once() -> None:
    export = [task(ITEM, answer("correct", by=1), answer("incorrect", by=2))]
    once, twice = ballots([export], {ITEM.key: ITEM}), ballots([export, export], {ITEM.key: ITEM})
    assert twice.rounds == once.rounds
    assert twice.problems.counts()["same_annotation"] == 2


@pytest.mark.parametrize("newest_first", [True, False])
def test_edit_after_an_import_wins_by_its_time_in_either_order(newest_first) -> None:
    old = [task(ITEM, answer("correct", number=5, updated="2026-03-01T10:00:00Z"))]
    new = [task(ITEM, answer("incorrect", number=5, updated="2026-03-01T10:00:00.000001Z"))]
    found = ballots([new, old] if newest_first else [old, new], {ITEM.key: ITEM})
    assert [vote.choice for vote in found.first[ITEM.key]] == ["incorrect"]


def test_annotation_cancelled_later_is_no_vote_any_more() -> None:
    old = [task(ITEM, answer("correct", number=5, updated="2026-03-01T10:00:00Z"))]
    new = [task(ITEM, answer("correct", number=5, updated="2026-03-02T10:00:00Z", was_cancelled=True))]
    assert ballots([new, old], {ITEM.key: ITEM}).first == {}


def test_annotator_who_judges_a_sentence_twice_has_one_vote_the_newer() -> None:
    found, problems = votes(
        answer("correct", updated="2026-03-02T00:00:00Z"), answer("incorrect", updated="2026-03-01T00:00:00Z")
    )
    assert found == [Vote("1", "correct")]
    assert problems["second_thoughts"] == 1


def test_round_of_a_task_keeps_adjudicators_apart_from_annotators() -> None:
    found = read(task(ITEM, answer("correct", by=1)), task(ITEM, answer("incorrect", by=1), round=2))
    assert [vote.choice for vote in found.first[ITEM.key]] == ["correct"]
    assert [vote.choice for vote in found.decisions[ITEM.key]] == ["incorrect"]


def test_report_names_kind_place_and_what_became_of_it() -> None:
    found = read(task(ITEM, answer("incorrect", by=12)))
    assert str(found.problems) == (
        "incorrect_without_marks: 1, vote kept (judged incorrect with no word marked): newmodel/p0/0 (12)"
    )


@pytest.mark.parametrize(
    "text", ["", "{}", "[1]", '[{"data": {}}]', '[{"id": 1, "image": "x", "label": "correct"}]', "id,label\n"]
)
def test_file_that_is_no_json_export_says_which_format_is_wanted(tmp_path, text) -> None:
    (tmp_path / "export").write_text(text)
    with pytest.raises(ValueError, match=r"export.*JSON"):
        read_file(tmp_path / "export")


def test_missing_file_is_an_error_of_its_own(tmp_path) -> None:
    with pytest.raises(FileNotFoundError, match="give a Label Studio export"):
        read_file(tmp_path / "none.json")


values = st.one_of(st.none(), st.integers(-5, 60), st.text(max_size=4), st.floats(allow_nan=True))


@given(
    values, values, values, st.one_of(st.none(), st.lists(st.sampled_from(["Object", "Bogus"]), max_size=2))
)
def test_whatever_a_mark_says_it_ends_up_inside_the_sentence_or_counted(start, end, text, labels) -> None:
    odd = answer("incorrect")
    value = {"start": start, "end": end, "text": text, "labels": labels}
    odd["result"].append({"from_name": "types", "type": "labels", "value": value})
    found = read(task(ITEM, odd))
    (vote,) = found.first[ITEM.key]
    for mark in vote.marks:
        assert 0 <= mark.start < mark.end <= len(ITEM.sentence)
    assert vote.marks or found.problems.counts()["mark_outside"] == 1
    assert set(found.problems.places) <= set(KINDS)


def test_checked_takes_an_empty_project() -> None:
    assert checked(json.loads("[]"), "here") == []
