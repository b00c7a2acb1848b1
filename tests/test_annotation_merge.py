"""Merging releases, the phrases of a release, and agreement between annotators."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from annotating import make_release_of
from hypothesis import given
from hypothesis import strategies as st
from releases import make_release, read_lines

import alignbench
from alignbench_tools.__main__ import main
from alignbench_tools.annotation import agreement
from alignbench_tools.annotation.items import Item
from alignbench_tools.annotation.releases import written
from alignbench_tools.annotation.votes import Mark, Vote

# --- merging ---------------------------------------------------------------------------------


def run_merge(*folders: Path, out: Path) -> int:
    return main(["annotate", "merge", *map(str, folders), "--out", str(out)])


@pytest.fixture
def published(tmp_path: Path) -> Path:
    (tmp_path / "published").mkdir()
    return make_release(tmp_path / "published", pictures=3, sentences=2, side=8)


def test_merged_release_has_every_row_and_picture_of_both(published, tmp_path, load) -> None:
    make_release_of(tmp_path / "new", captions=3)
    assert run_merge(published, tmp_path / "new", out=tmp_path / "both") == 0
    before = (published / "halcap_bench.jsonl").read_bytes()
    assert (tmp_path / "both" / "halcap_bench.jsonl").read_bytes().startswith(before)
    rows = load(tmp_path / "both", images="release")
    one, two = load(published, images="release"), load(tmp_path / "new", images="release")
    assert list(rows["id"]) == [*one["id"], *two["id"]]
    assert [image is not None for image in rows["image"]] == [
        image is not None for image in [*one["image"], *two["image"]]
    ]


def test_kappa_of_a_merged_release_is_that_of_all_its_votes(published, tmp_path) -> None:
    make_release_of(tmp_path / "new", captions=3)
    assert run_merge(published, tmp_path / "new", out=tmp_path / "both") == 0
    with (tmp_path / "both" / "fleiss_by_model.csv").open() as file:
        figures = {line["model"]: line for line in csv.DictReader(file)}
    assert list(figures) == ["llava", "qwen", "gpt4o", "sd", "newmodel"]
    assert {name: int(line["N_items"]) for name, line in figures.items()}["newmodel"] == 9
    # All agree on one category: expected agreement is 1, and kappa undefined.
    assert figures["newmodel"]["kappa"] == ""


def test_same_release_twice_is_refused_with_the_first_clash(published, tmp_path, capsys) -> None:
    assert run_merge(published, published, out=tmp_path / "both") == 1
    assert "line 1:" in capsys.readouterr().err
    assert not (tmp_path / "both").exists()


def test_different_pictures_at_one_path_are_refused_and_like_ones_are_one(
    published, tmp_path, capsys
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    lines = [{**line, "model": f"{line['model']}-2"} for line in read_lines(published)]
    (other / "halcap_bench.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    picture = other / "images" / "sd" / "0.png"
    picture.parent.mkdir(parents=True)
    picture.write_bytes((published / "images" / "sd" / "0.png").read_bytes())
    assert run_merge(published, other, out=tmp_path / "both") == 0
    picture.write_bytes(b"another")
    assert run_merge(published, other, out=tmp_path / "again") == 1
    assert "different picture at images/sd/0.png" in capsys.readouterr().err
    assert not (tmp_path / "again").exists()


def test_line_without_its_end_is_closed_and_withdrawn_lists_are_joined(write_release, tmp_path, load) -> None:
    one = write_release({"model": "a"}, {"model": "a", "sentence_index": 1}, folder=tmp_path / "one")
    two = write_release({"model": "b"}, folder=tmp_path / "two")
    text = (one / "halcap_bench.jsonl").read_text()
    (one / "halcap_bench.jsonl").write_text(text.rstrip("\n"))
    for folder, name in ((one, "a/1/0"), (two, "b/1/0")):
        (folder / "withdrawn.jsonl").write_text(json.dumps({"id": name, "reason": "x"}))
    assert run_merge(one, two, out=tmp_path / "both") == 0
    rows = load(tmp_path / "both", images="skip")
    assert list(rows["id"]) == ["a/1/0", "a/1/1", "b/1/0"]
    assert rows["label"] == [2, 1, 2]


def test_name_of_two_pictures_is_said_to_count_as_one_image(write_release, tmp_path, capsys) -> None:
    one = write_release({"model": "a"}, folder=tmp_path / "one")
    two = write_release({"model": "b", "image_path_in_repo": "images/2.png"}, folder=tmp_path / "two")
    assert run_merge(one, two, out=tmp_path / "both") == 0
    assert "image names of several pictures, which count as one image: 1 (1)" in capsys.readouterr().out


def test_bad_line_is_named_and_nothing_is_written(write_release, tmp_path, capsys) -> None:
    one = write_release({"model": "a"}, '{"model": ', folder=tmp_path / "one")
    two = write_release({"model": "b"}, folder=tmp_path / "two")
    assert run_merge(one, two, out=tmp_path / "both") == 1
    assert "line 2: expected a JSON object" in capsys.readouterr().err
    assert sorted(p.name for p in tmp_path.iterdir()) == ["one", "two"]


# --- phrases ---------------------------------------------------------------------------------


def test_second_of_two_like_words_takes_in_its_neighbour() -> None:
    sentence = "A man in a hat greets a man in a coat."
    at = sentence.rindex("man")
    assert written(sentence, [Mark(at, at + 3, "Object")]) == (["a man"], True)
    assert written(sentence, [Mark(2, 5, "Object"), Mark(at, at + 3, "Object")]) == (["man", "man"], False)


words = st.lists(
    st.sampled_from(["man", "a", "A", "hat", "woman", "don’t", "😀", "red,"]), min_size=1, max_size=9
)


@given(words, st.data())
def test_reader_finds_every_phrase_where_it_was_marked_or_around_it(chosen: list[str], data) -> None:
    sentence = " ".join(chosen)
    bounds = sorted(data.draw(st.sets(st.integers(0, len(sentence)), min_size=2, max_size=4)))
    marks = [Mark(*pair, "Object") for pair in zip(bounds[::2], bounds[1::2], strict=False)]
    marks = [
        mark for mark in marks if sentence[mark.start : mark.end] == sentence[mark.start : mark.end].strip()
    ]
    marks = [mark for mark in marks if mark.start < mark.end]
    phrases, widened = written(sentence, marks)
    spans = alignbench.find_spans(sentence, phrases)
    if not widened:
        assert [(span.start, span.end) for span in spans] == [(mark.start, mark.end) for mark in marks]
    elif len(marks) == 1:
        assert spans[0].start <= marks[0].start
        assert marks[0].end <= spans[0].end


# --- agreement -------------------------------------------------------------------------------


def test_krippendorff_alpha_is_that_of_the_worked_example() -> None:
    """Krippendorff (2011), Computing Krippendorff's alpha-reliability: two observers, binary data."""
    pytest.importorskip("krippendorff", reason="needs krippendorff (pip install 'alignbench[annotation]')")
    units = np.zeros((10, 3), dtype=np.int64)
    for observer in ("0100000000", "1110010010"):
        for unit, value in enumerate(observer):
            units[unit, int(value)] += 1
    assert agreement.krippendorff_alpha(units) == pytest.approx(0.095, abs=0.001)
    assert agreement.krippendorff_alpha(np.array([[3, 0, 0], [2, 0, 0]])) is None


def test_annotator_agrees_with_the_share_of_others_who_said_the_same() -> None:
    item = Item("m", "s", "n", None, 0, "x")
    votes = [Vote("1", "correct"), Vote("2", "correct"), Vote("3", "incorrect")]
    records = agreement.annotators({item.key: votes}, {item.key: item})
    assert [(record.name, record.agreement) for record in records] == [("1", 0.5), ("2", 0.5), ("3", 0.0)]
