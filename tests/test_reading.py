"""A release folder becomes typed rows, and nothing in it is lost without a line in the report."""

import json

import pyarrow as pa
import pytest

import alignbench


def only(report):
    """The one finding of a report that has exactly one."""
    assert len(report.findings) == 1, report
    return report.findings[0]


def row(table, at=0):
    return table.slice(at, 1).to_pylist()[0]


def test_a_plain_row_has_every_field(write_release):
    table, report = alignbench.read(write_release({"annotation": "incorrect"}))
    assert report.findings == []
    assert row(table) == {
        "id": "atlas/1/0",
        "image": None,
        "image_id": "1",
        "image_source": "COCO",
        "image_url": None,
        "domain": "Nature",
        "captioner": "atlas",
        "direction": 0,
        "position": 0,
        "num_sentences": 1,
        "sentence": "A man stands beside a woman.",
        "caption": "A man stands beside a woman.",
        "label": 0,
        "hallucination_types": [1],
        "spans": [{"start": 22, "end": 27, "text": "woman", "type": 1}],
        "votes": {"correct": 0, "incorrect": 3, "unknown": 0},
        "agreement": 1.0,
        "fleiss_pi": 1.0,
    }


def test_the_table_has_the_declared_schema(write_release):
    table, _ = alignbench.read(write_release({}))
    assert table.schema.equals(alignbench.features().arrow_schema)


@pytest.mark.parametrize(
    ("spelling", "label"),
    [
        *((text, 1) for text in ("correct", "Correct", " CORRECT ", 1, "1", 1.0, True)),
        *((text, 0) for text in ("incorrect", "Incorrect\n", 0, "0", False)),
        *((text, 2) for text in ("unknown", "UNKNOWN", -1, "-1")),
    ],
)
def test_labels_are_read_in_every_sensible_spelling(write_release, spelling, label):
    table, report = alignbench.read(
        write_release({"annotation": spelling, "n_correct": None, "n_incorrect": None, "n_unknown": None})
    )
    assert table["label"].to_pylist() == [label]
    assert "unknown_label" not in report.counts()


@pytest.mark.parametrize(
    "words",
    [
        ["man", "a woman"],
        "man; a woman",
        "man | a woman",
        "man, a woman",
        "['man', 'a woman']",
        '["man", "a woman"]',
        "('man', 'a woman')",
    ],
)
def test_phrases_are_read_in_every_sensible_spelling(write_release, words):
    table, report = alignbench.read(write_release({"annotation": "incorrect", "error_words": words}))
    assert [span["text"] for span in row(table)["spans"]] == ["man", "a woman"]
    assert report.findings == []


def test_a_phrase_with_commas_is_one_phrase_where_the_sentence_has_it(write_release):
    table, _ = alignbench.read(
        write_release(
            {"annotation": "incorrect", "caption": "It says a, b, and c.", "error_words": "a, b, and c"}
        )
    )
    assert [span["text"] for span in row(table)["spans"]] == ["a, b, and c"]


@pytest.mark.parametrize("nothing", [None, "", "none", "None", [], "[]", "null", ...])
def test_an_incorrect_sentence_without_a_type_is_kept_with_an_empty_list(write_release, nothing):
    table, report = alignbench.read(write_release({"annotation": "incorrect", "error_type": nothing}, {}))
    assert row(table)["hallucination_types"] == []
    assert row(table)["spans"] == [{"start": 22, "end": 27, "text": "woman", "type": None}]
    assert "error_type" in {finding.field for finding in report.findings}


@pytest.mark.parametrize("types", ["Text; number", ["Text", "Number"], "text,NUMBER", "['Text', 'Number']"])
def test_several_types_go_with_as_many_phrases_in_order(write_release, types):
    table, report = alignbench.read(
        write_release({"annotation": "incorrect", "error_type": types, "error_words": ["man", "woman"]})
    )
    assert row(table)["hallucination_types"] == [6, 2]
    assert [span["type"] for span in row(table)["spans"]] == [6, 2]
    assert report.findings == []


def test_types_that_do_not_pair_with_phrases_stay_on_the_sentence_only(write_release):
    table, report = alignbench.read(
        write_release({"annotation": "incorrect", "error_type": "Text; Number", "error_words": ["man"]})
    )
    assert row(table)["hallucination_types"] == [6, 2]
    assert row(table)["spans"][0]["type"] is None
    assert only(report).kind == "types_not_aligned"


def test_a_caption_is_its_sentences_joined_by_one_space_in_order(write_release):
    folder = write_release(
        {"sentence_index": 1, "caption": "Two."},
        {"sentence_index": 0, "caption": "One."},
        {"model": "birch", "caption": "Other."},
    )
    table, _ = alignbench.read(folder)
    assert table["caption"].to_pylist() == ["One. Two.", "One. Two.", "Other."]
    assert table["num_sentences"].to_pylist() == [2, 2, 1]
    assert table["id"].to_pylist() == ["atlas/1/1", "atlas/1/0", "birch/1/0"]


def test_generators_are_known_by_name_and_by_where_their_pictures_lie(write_release):
    folder = write_release(
        {"model": "sd", "image_path_in_repo": None, "image_url": "http://127.0.0.1/1.png"},
        {"model": "mine", "image_path_in_repo": "images/data_generation/mine/1.png"},
        {"model": "atlas"},
    )
    table, _ = alignbench.read(folder)
    assert table["direction"].to_pylist() == [1, 1, 0]


def test_missing_votes_are_null_and_an_absent_column_is_one_note(write_release):
    folder = write_release({"n_correct": ..., "n_incorrect": ..., "n_unknown": ...})
    table, report = alignbench.read(folder)
    assert row(table)["votes"] is None
    assert report.counts() == {"empty_column": 3}
    assert report.irregular == []


# Bad input: each is named by line and field, and every other row is there.

GOOD = {"image_name": "good"}


@pytest.mark.parametrize(
    ("bad", "kind", "field"),
    [
        ("no json at all", "bad_json", "line"),
        ("[1, 2]", "bad_json", "line"),
        ('{"model": "\\ud800"}', "bad_json", "line"),
        ({"annotation": "perhaps"}, "unknown_label", "annotation"),
        ({"annotation": ...}, "missing_field", "annotation"),
        ({"annotation": None}, "missing_field", "annotation"),
        ({"model": ...}, "missing_field", "model"),
        ({"image_name": ...}, "missing_field", "image_name"),
        ({"sentence_index": ...}, "missing_field", "sentence_index"),
        ({"caption": ...}, "missing_field", "caption"),
        ({"caption": "  \n"}, "blank_sentence", "caption"),
        ({"sentence_index": -1}, "bad_value", "sentence_index"),
        ({"sentence_index": 0.5}, "bad_value", "sentence_index"),
        ({"image_name": "good"}, "duplicate_row", "sentence_index"),
    ],
)
def test_a_line_that_cannot_be_used_is_left_out_and_named(write_release, bad, kind, field):
    table, report = alignbench.read(write_release(GOOD, bad, {"model": "birch"}))
    assert table["id"].to_pylist() == ["atlas/good/0", "birch/1/0"]
    finding = only(report)
    assert (finding.kind, finding.field, finding.lines) == (kind, field, [2])
    assert f"{kind} [{field}]: 1 line" in str(report)


@pytest.mark.parametrize(
    ("bad", "kind", "field", "kept"),
    [
        ({"sentence_index": "zero"}, "bad_value", "sentence_index", False),
        ({"n_correct": [3]}, "bad_value", "n_correct", True),
        ({"n_correct": -3}, "bad_value", "n_correct", True),
        ({"n_correct": 2.5}, "bad_value", "n_correct", True),
        ({"n_correct": ...}, "missing_field", "n_correct", True),
        ({"n_correct": 1, "n_incorrect": 2}, "votes_contradict_label", "annotation", True),
        ({"error_words": ["man"]}, "words_without_error", "error_words", True),
        ({"annotation": "incorrect", "error_words": ["child"]}, "error_words_typo", "error_words", True),
        ({"annotation": "incorrect", "error_words": ["WOMAN"]}, "error_words_case", "error_words", True),
        ({"annotation": "incorrect", "error_words": "A  man"}, "error_words_whitespace", "error_words", True),
        ({"annotation": "incorrect", "error_words": None}, "missing_field", "error_words", True),
        ({"annotation": "incorrect", "error_type": "Colour"}, "unknown_error_type", "error_type", True),
        ({"image_path_in_repo": "../1.png"}, "path_traversal", "image_path_in_repo", True),
        ({"image_path_in_repo": "/etc/passwd"}, "path_traversal", "image_path_in_repo", True),
        ({"image_path_in_repo": "a\\..\\..\\b.png"}, "path_traversal", "image_path_in_repo", True),
        ({"image_path_in_repo": "C:/b.png"}, "path_traversal", "image_path_in_repo", True),
        ({"image_url": "file:///etc/passwd"}, "refused_url", "image_url", True),
        ({"image_url": "ftp://127.0.0.1/1.png"}, "refused_url", "image_url", True),
        ({"image_path_in_repo": None}, "missing_field", "image_url or image_path_in_repo", True),
        ({"sentence_index": 2}, "position_gap", "sentence_index", True),
    ],
)  # fmt: skip
def test_an_irregular_line_is_named_and_kept_where_it_can_be(write_release, bad, kind, field, kept):
    table, report = alignbench.read(write_release(GOOD, {"image_name": "bad", **bad}))
    position = bad.get("sentence_index", 0)
    assert table["id"].to_pylist() == ["atlas/good/0", *([f"atlas/bad/{position}"] if kept else [])]
    named = {(finding.kind, finding.field) for finding in report.findings if 2 in finding.lines}
    assert (kind, field) in named
    assert report.counts().get("empty_column", 0) in (0, 1)


def test_a_gap_is_named_however_long_and_from_the_first_position_on(write_release):
    folder = write_release({}, {"sentence_index": 2_000_000_000}, {"image_name": "2", "sentence_index": 1})
    _, report = alignbench.read(folder)
    assert (only(report).lines, only(report).values) == ([2, 3], ["1 to 1999999999", "0 to 0"])


def test_a_gap_that_a_line_without_its_key_explains_is_no_second_finding(write_release):
    folder = write_release({}, {"sentence_index": ...}, {"sentence_index": 2})
    _, report = alignbench.read(folder)
    assert report.counts() == {"missing_field": 1}


def test_an_extra_column_is_noted_once(write_release):
    table, report = alignbench.read(write_release({"note": "a"}, {"sentence_index": 1, "note": {"b": 1}}))
    assert table.num_rows == 2
    assert (only(report).kind, only(report).field) == ("extra_column", "note")


@pytest.mark.parametrize("broken", ["", "{"])
def test_a_column_named_line_does_not_move_the_line_numbers(write_release, broken):
    rows = [{"line": 7}, {"line": 8, "sentence_index": 1, "annotation": "perhaps"}]
    _, report = alignbench.read(write_release(*rows, *([broken] if broken else [])))
    assert {f.kind: f.lines for f in report.findings}["unknown_label"] == [2]


@pytest.mark.parametrize("odd", [{"a": 1}, [["correct"]], 7, 0.5])
@pytest.mark.parametrize("others", [[], [{}]])
def test_an_annotation_of_any_type_is_named_not_a_crash(write_release, odd, others):
    folder = write_release(*others, {"sentence_index": len(others), "annotation": odd})
    _, report = alignbench.read(folder)
    assert report.counts() == {"unknown_label": 1}


def test_a_truncated_last_line_is_told_from_a_broken_line(write_release):
    folder = write_release({}, {"sentence_index": 1})
    path = folder / "halcap_bench.jsonl"
    path.write_bytes(path.read_bytes()[:-40])
    table, report = alignbench.read(folder)
    assert table.num_rows == 1
    assert (only(report).kind, only(report).lines) == ("truncated_last_line", [2])


def test_a_last_line_without_newline_is_complete(write_release):
    folder = write_release({}, {"sentence_index": 1})
    path = folder / "halcap_bench.jsonl"
    path.write_bytes(path.read_bytes().rstrip(b"\n"))
    table, report = alignbench.read(folder)
    assert (table.num_rows, report.lines, report.findings) == (2, 2, [])


def test_line_numbers_count_blank_lines(write_release):
    table, report = alignbench.read(write_release({}, "", "oops", {"sentence_index": 1}))
    assert table.num_rows == 2
    assert only(report).lines == [3]


@pytest.mark.parametrize("prefix", [b"\xef\xbb\xbf", b""])
@pytest.mark.parametrize("newline", [b"\n", b"\r\n"])
def test_byte_order_mark_and_windows_line_ends_are_read(write_release, prefix, newline):
    folder = write_release({}, {"sentence_index": 1})
    path = folder / "halcap_bench.jsonl"
    path.write_bytes(prefix + path.read_bytes().replace(b"\n", newline))
    table, report = alignbench.read(folder)
    assert (table.num_rows, report.findings) == (2, [])


def test_invalid_utf8_costs_its_own_line_only(write_release):
    folder = write_release({}, "@", {"sentence_index": 1})
    path = folder / "halcap_bench.jsonl"
    path.write_bytes(path.read_bytes().replace(b"@", b'{"model": "\xff"}'))
    table, report = alignbench.read(folder)
    assert table.num_rows == 2
    assert (only(report).kind, only(report).lines) == ("bad_json", [2])


def test_one_broken_line_changes_no_other_row(write_release):
    rows = [{"sentence_index": n, "caption": f"Sentence {n} é 🐈."} for n in range(50)]
    clean, _ = alignbench.read(write_release(*rows))
    dirty, _ = alignbench.read(write_release(*rows[:20], "{", *rows[20:]))
    assert dirty.equals(clean)


def test_a_sentence_without_label_still_belongs_to_its_caption(write_release):
    folder = write_release(
        {"sentence_index": 0, "caption": "One."},
        {"sentence_index": 1, "caption": "Two.", "annotation": None},
        {"sentence_index": 2, "caption": "Three."},
    )
    table, report = alignbench.read(folder)
    assert table["caption"].to_pylist() == ["One. Two. Three."] * 2
    assert table["num_sentences"].to_pylist() == [3, 3]
    assert report.counts() == {"missing_field": 1}


def test_of_repeated_rows_the_first_usable_one_is_kept(write_release):
    folder = write_release(
        {"caption": "", "image_type": "blank"}, {"image_type": "first"}, {"image_type": "second"}
    )
    table, report = alignbench.read(folder)
    assert table["domain"].to_pylist() == ["first"]
    assert report.counts() == {"blank_sentence": 1, "duplicate_row": 1}


def test_unknown_values_say_how_many_lines_share_them(write_release):
    folder = write_release({}, *({"image_name": str(n), "annotation": "perhaps"} for n in range(2, 5)))
    _, report = alignbench.read(folder)
    assert "'perhaps': 3 lines (2, 3, 4)" in str(report)


def test_order_of_rows_and_first_nulls_do_not_matter(write_release):
    rows = [{"image_name": str(n), "image_url": None, "n_correct": None} for n in range(300)]
    rows += [{"image_name": "x", "image_url": "http://127.0.0.1/x.png", "annotation": "incorrect"}]
    forth, _ = alignbench.read(write_release(*rows))
    back, _ = alignbench.read(write_release(*reversed(rows)))
    assert sorted(forth.to_pylist(), key=lambda r: r["id"]) == sorted(back.to_pylist(), key=lambda r: r["id"])


def test_strict_makes_every_irregularity_an_error(write_release):
    folder = write_release({}, {"image_name": "2", "annotation": "perhaps"})
    with pytest.raises(alignbench.ReleaseError, match=r"unknown_label \[annotation\]: 1 line"):
        alignbench.read(folder, strict=True)
    table, _ = alignbench.read(write_release({}), strict=True)
    assert table.num_rows == 1


def test_captioners_are_chosen_by_name_and_a_wrong_name_gets_the_nearest(write_release):
    folder = write_release({"model": "gpt4o"}, {"model": "llava"})
    assert alignbench.read(folder, captioners=["llava"])[0]["captioner"].to_pylist() == ["llava"]
    with pytest.raises(alignbench.ReleaseError, match=r"no captioner 'gpt-4o'.*did you mean gpt4o"):
        alignbench.read(folder, captioners=["gpt-4o"])
    with pytest.raises(
        alignbench.ReleaseError, match=r"captioners=\[\] leaves nothing: take of gpt4o, llava"
    ):
        alignbench.read(folder, captioners=[])


def test_a_release_that_is_not_there_says_what_is_expected(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no release folder at .*halcap_bench.jsonl"):
        alignbench.read(tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError, match=r"has no halcap_bench\.jsonl"):
        alignbench.read(tmp_path)
    path = tmp_path / "halcap_bench.jsonl"
    path.touch()
    with pytest.raises(alignbench.ReleaseError, match="is empty"):
        alignbench.read(tmp_path)
    with pytest.raises(alignbench.ReleaseError, match="is a file: give the release folder"):
        alignbench.read(path)


def test_a_release_without_a_needed_column_names_it(write_release):
    with pytest.raises(alignbench.ReleaseError, match="has a value in annotation; a release has the columns"):
        alignbench.read(write_release({"annotation": ...}, {"annotation": ..., "sentence_index": 1}))


def test_a_withdrawn_sentence_keeps_its_place_as_unknown(write_release):
    folder = write_release({}, {"sentence_index": 1})
    gone = [{"id": "atlas/1/1", "reason": "picture removed"}, {"id": "atlas/9/0", "reason": "personal data"}]
    (folder / "withdrawn.jsonl").write_text("\n".join(map(json.dumps, gone)))
    table, report = alignbench.read(folder)
    assert dict(zip(table["id"].to_pylist(), table["label"].to_pylist(), strict=True)) == {
        "atlas/1/0": 1,
        "atlas/1/1": 2,
    }
    assert only(report).values == ["atlas/1/1: picture removed", "atlas/9/0: personal data (not in the file)"]


def test_a_list_of_withdrawn_sentences_may_hold_blank_lines_and_any_line_separator_in_a_text(write_release):
    folder = write_release({})
    reason = "first\u2028second"
    line = json.dumps({"id": "atlas/1/0", "reason": reason}, ensure_ascii=False)
    (folder / "withdrawn.jsonl").write_text(f"\n{line}\n\n", encoding="utf-8")
    _, report = alignbench.read(folder)
    assert only(report).values == [f"atlas/1/0: {reason}"]


@pytest.mark.parametrize("index", [float("nan"), "nan"])
def test_a_position_that_is_not_a_number_is_missing(write_release, index):
    table, report = alignbench.read(write_release({}, {"sentence_index": index}))
    assert table.num_rows == 1
    assert (only(report).kind, only(report).lines) == ("missing_field", [2])


def test_null_among_the_phrases_is_no_phrase(write_release):
    wrong = {"annotation": "incorrect", "error_words": [None, "woman"]}
    table, report = alignbench.read(write_release({}, wrong | {"sentence_index": 1}))
    assert [span["text"] for span in row(table, 1)["spans"]] == ["woman"]
    assert not report.findings


@pytest.mark.parametrize("field", ["model", "image_name"])
def test_a_blank_name_is_a_missing_one(write_release, field):
    table, report = alignbench.read(write_release({}, {field: " "}))
    assert table.num_rows == 1
    assert (only(report).kind, only(report).field, only(report).lines) == ("missing_field", field, [2])


@pytest.mark.parametrize("words", ["2019-05-04", ["2019-05-04"]])
def test_a_date_is_a_phrase_like_any_other(write_release, words):
    wrong = {"caption": "A man on 2019-05-04.", "annotation": "incorrect", "error_words": words}
    table, report = alignbench.read(write_release(wrong))
    assert [span["text"] for span in row(table)["spans"]] == ["2019-05-04"]
    assert not report.findings


def test_a_report_survives_saving_and_loading(write_release, tmp_path):
    _, report = alignbench.read(write_release({}, "oops", {"annotation": "perhaps", "image_name": "é"}))
    report.save(tmp_path / "report.json")
    assert alignbench.Report.load(tmp_path / "report.json") == report


def test_captions_hold_their_sentences_with_offsets_in_the_caption(write_release):
    folder = write_release(
        {
            "sentence_index": 1,
            "caption": "Fünf 🐈 sitzen.",
            "annotation": "incorrect",
            "error_words": ["Fünf"],
        },
        {"sentence_index": 0, "caption": "Eins."},
    )
    table = alignbench._by_caption(alignbench.read(folder)[0])
    assert table.schema.equals(alignbench.features("captions").arrow_schema)
    caption = row(table)
    assert (caption["id"], caption["num_sentences"]) == ("atlas/1", 2)
    assert caption["caption"] == "Eins. Fünf 🐈 sitzen."
    assert [caption["caption"][s["start"] : s["end"]] for s in caption["sentences"]] == [
        "Eins.",
        "Fünf 🐈 sitzen.",
    ]
    assert caption["sentences"][1]["spans"][0]["text"] == "Fünf"


def test_an_unknown_config_is_refused():
    with pytest.raises(ValueError, match="take 'sentences', 'captions' or 'sample'"):
        alignbench.features("sentence")


def test_an_empty_selection_has_the_schema():
    empty = alignbench.features().arrow_schema.empty_table()
    assert alignbench._by_caption(empty).schema.equals(alignbench.features("captions").arrow_schema)
    assert isinstance(empty, pa.Table)
