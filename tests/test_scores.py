"""The scores file: what it keeps, what it refuses, how parts of one run come together."""

import itertools
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alignbench_tools import scores
from alignbench_tools.merging import merge
from alignbench_tools.scores import Score, Scores

pytestmark = pytest.mark.smoke

HEADER = {
    "detector": "looker",
    "model": "acme/looker",
    "protocol": "score-100",
    "protocol_digest": "0123",
    "parameters": {"temperature": 0},
    "data": {"source": "here", "captioners": {"atlas": {"sentences": 4, "digest": "aa"}}},
    "date": "2026-01-01T00:00:00+00:00",
}
ROWS = [
    Score("atlas/1/0", 0.25, "ok", "25\nor so", 10, 2, 0.5),
    Score("atlas/1/1", None, "refused", "I cannot."),
    Score("atlas/1/2", 1.0, "ok", "ネコ \ud800", spans=[{"start": 2, "end": 5, "score": 0.5}]),
    Score("atlas/2/0", None, "skipped", "no picture"),
]


@pytest.mark.parametrize("suffix", ["jsonl", "parquet"])
def test_what_is_written_is_read_again(tmp_path, suffix):
    rows = [row._replace(raw=row.raw.replace("\ud800", "\\ud800")) for row in ROWS]
    scores.write(Scores.from_rows(HEADER, ROWS), tmp_path / f"a.{suffix}")
    found = scores.read(tmp_path / f"a.{suffix}")
    assert found.rows() == rows
    assert {key: found.header[key] for key in HEADER} == HEADER
    assert found.counts() == {"ok": 2, "refused": 1, "skipped": 1}


def test_the_jsonl_form_is_one_header_and_one_line_a_sentence(tmp_path):
    scores.write(Scores.from_rows(HEADER, ROWS[:2]), tmp_path / "a.jsonl")
    header, first, second = map(json.loads, (tmp_path / "a.jsonl").read_text("utf-8").splitlines())
    assert header["alignbench_scores"] == 1
    assert header["detector"] == "looker"
    assert first["raw"] == "25\nor so"
    assert second == {"id": "atlas/1/1", "score": None, "status": "refused", "raw": "I cannot."}


def test_bare_lines_of_id_and_score_are_read_and_named_like_their_file(tmp_path):
    path = tmp_path / "GPT5.jsonl"
    path.write_text(
        '{"id": "a/1/0", "score": 3}\n{"id": "a/1/1", "score": NaN}\n{"id": "a/1/2", "score": null}\n'
    )
    found = scores.read(path)
    assert found.detector == "GPT5"
    assert [(row.score, row.status) for row in found.rows()] == [
        (3.0, "ok"),
        (None, "error"),
        (None, "error"),
    ]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"id": "a/1/1", "score": 1', "line 3: expected a JSON object"),
        ('{"id": "a/1/1", "score": "high"}', "line 3: .*high"),
        ("[1, 2]", "line 3: expected a JSON object"),
        ('{"id": "a/1/0", "score": 1}', "'a/1/0'; `alignbench merge`"),
        ('{"score": 1}', "1 rows have no id"),
        ('{"id": "a/1/1", "score": 1, "status": "fine"}', "'fine'"),
        ('{"id": "a/1/1", "score": 1, "status": "refused"}', "score 1.0 with status 'refused'"),
        ('{"id": "a/1/1", "score": null, "status": "ok"}', "score None with status 'ok'"),
    ],
)
def test_a_bad_line_is_named_with_what_is_wrong(tmp_path, line, message):
    path = tmp_path / "a.jsonl"
    path.write_text(f'{{"alignbench_scores": 1, "detector": "d"}}\n{{"id": "a/1/0", "score": 1}}\n{line}\n')
    with pytest.raises(ValueError, match=message) as error:
        scores.read(path)
    assert "a.jsonl" in str(error.value)


def test_a_file_of_a_later_format_or_another_kind_is_refused(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"alignbench_scores": 2, "detector": "d"}\n')
    with pytest.raises(ValueError, match="format 1, got 2; update"):
        scores.read(tmp_path / "a.jsonl")
    (tmp_path / "a.csv").write_text("id,score\n")
    with pytest.raises(ValueError, match=r"ends in \.jsonl or \.parquet"):
        scores.read(tmp_path / "a.csv")
    (tmp_path / "a.parquet").write_bytes(b"no parquet")
    with pytest.raises(ValueError, match=r"a\.parquet: expected a Parquet file"):
        scores.read(tmp_path / "a.parquet")


def test_scores_come_in_the_order_that_is_asked_for_nan_where_there_is_none():
    found = Scores.from_rows(HEADER, ROWS)
    values = found.aligned(["atlas/1/2", "atlas/9/9", "atlas/2/0", "atlas/1/1", "atlas/1/0"])
    np.testing.assert_array_equal(values, [1.0, np.nan, np.nan, np.nan, 0.25])
    assert found.spans(["atlas/1/0", "atlas/1/2"] + [r.id for r in ROWS])[:2] == [None, ROWS[2].spans]


def test_ids_that_are_not_in_the_data_are_an_error_unless_their_captioner_was_left_out():
    found = Scores.from_rows(HEADER, ROWS)
    with pytest.raises(ValueError, match=r"1 of 4 ids are not in the data, such as 'atlas/2/0'"):
        found.aligned(["atlas/1/0", "atlas/1/1", "atlas/1/2"])
    assert np.isnan(found.aligned(["birch/1/0"])).all()


def part(name, rows, **header):
    return Scores.from_rows({**HEADER, **header}, rows, name)


@given(st.data())
def test_parts_merge_to_the_same_whatever_their_order_and_cut(data):
    names = [f"atlas/{image}/{place}" for image in range(4) for place in range(3)]
    rows = [Score(name, float(place)) for place, name in enumerate(names)]
    owners = [data.draw(st.integers(0, 2)) for _ in rows]
    parts = [part(str(k), [r for r, o in zip(rows, owners, strict=True) if o == k]) for k in range(3)]
    merged, notes = merge(data.draw(st.permutations(parts)))
    assert merged.rows() == rows
    assert notes == []


def test_of_a_repeated_sentence_ok_goes_before_failed_and_later_before_earlier():
    early = part("a", [Score("atlas/1/0", 1.0), Score("atlas/1/1", 2.0), Score("atlas/1/2", None, "error")])
    late = part(
        "b", [Score("atlas/1/0", None, "error"), Score("atlas/1/1", 3.0)], date="2026-02-01T00:00:00+00:00"
    )
    third = part("c", [Score("atlas/1/2", None, "unparsed", "?")], date="2025-02-01T00:00:00+00:00")
    for order in itertools.permutations([early, late, third]):
        merged, notes = merge(order)
        assert [(row.score, row.status) for row in merged.rows()] == [
            (1.0, "ok"),
            (3.0, "ok"),
            (None, "error"),
        ]
        assert "3 sentences stand in several parts" in notes[0]
        assert "1 of" not in notes[0]
        assert "1 with different scores, such as 'atlas/1/1'" in notes[1]
        assert merged.header["date"] == "2026-02-01T00:00:00+00:00"


def test_usage_adds_up_and_a_part_given_twice_counts_once():
    one = part("a", ROWS[:1], usage={"calls": 1, "cost": 0.5})
    two = part("b", ROWS[1:2], usage={"calls": 2, "cost": 0.25})
    merged, notes = merge([one, two, one])
    assert merged.header["usage"] == {"calls": 3, "cost": 0.75}
    assert notes == []


def test_positions_sort_as_numbers():
    merged, _ = merge([part("a", [Score(f"atlas/{i}/{p}", 0.0) for i in (10, 9, "x/1") for p in (10, 2)])])
    assert [row.id for row in merged.rows()] == [
        "atlas/x/1/2", "atlas/x/1/10", "atlas/9/2", "atlas/9/10", "atlas/10/2", "atlas/10/10",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("change", "difference"),
    [
        ({"protocol_digest": "4567"}, "protocol_digest: '0123' / '4567'"),
        ({"parameters": {"temperature": 1}}, "parameters: "),
        ({"data": {"captioners": {"atlas": {"sentences": 4, "digest": "bb"}}}}, "data of atlas"),
    ],
)
def test_parts_of_different_runs_do_not_merge_and_the_difference_is_said(change, difference):
    with pytest.raises(ValueError, match="a and b differ in .*" + difference):
        merge([part("a", ROWS[:1]), part("b", ROWS[1:], **change)])
    with pytest.raises(ValueError, match="at least one"):
        merge([])
