"""The simulated release: every spelling gives the same table, every injected defect is reported."""

import json
from collections import Counter

import pytest

import alignbench

SCALE = 0.03
DIRTY = 0.04


@pytest.fixture(scope="module")
def simulate(simulator, tmp_path_factory):
    return lambda *options: simulator(tmp_path_factory.mktemp("sim"), "--scale", SCALE, *options)


@pytest.fixture(scope="module")
def clean(simulate):
    return simulate()


@pytest.mark.parametrize("labels", ["lower", "title", "int"])
@pytest.mark.parametrize("strings", ["list", "joined", "python-repr"])
def test_all_spellings_give_the_same_table(simulate, clean, labels, strings):
    expected, _ = alignbench.read(clean)
    table, report = alignbench.read(simulate("--label-style", labels, "--string-style", strings))
    assert table.equals(expected)
    assert report.findings == []


def test_every_span_says_what_the_sentence_says(clean):
    table, _ = alignbench.read(clean)
    marked = 0
    for row in table.select(["sentence", "spans", "label"]).to_pylist():
        marked += len(row["spans"])
        assert all(row["sentence"][s["start"] : s["end"]] == s["text"] for s in row["spans"])
        assert bool(row["spans"]) == (row["label"] == 0)
    assert marked > 400


@pytest.mark.parametrize("strings", ["list", "joined", "python-repr"])
def test_the_report_counts_what_was_injected_kind_by_kind_and_line_by_line(simulate, strings):
    folder = simulate("--dirty", DIRTY, "--string-style", strings)
    log = [json.loads(line) for line in (folder / "dirty_log.jsonl").read_text().splitlines()]
    _, report = alignbench.read(folder)
    injected = Counter(entry["kind"] for entry in log)
    assert len(injected) == 9
    assert report.counts() == injected
    for kind in injected:
        reported = sorted(n for f in report.findings if f.kind == kind for n in f.lines)
        assert reported == sorted(entry["line"] for entry in log if entry["kind"] == kind)


def test_rows_without_defect_are_there_and_unchanged(simulate, clean):
    folder = simulate("--dirty", DIRTY)
    log = [json.loads(line) for line in (folder / "dirty_log.jsonl").read_text().splitlines()]
    expected = {row["id"]: row for row in alignbench.read(clean)[0].to_pylist()}
    found = {row["id"]: row for row in alignbench.read(folder)[0].to_pylist()}
    touched = {entry["id"] for entry in log if entry["kind"] != "duplicate_row"}
    assert found.keys() <= expected.keys()
    assert expected.keys() - touched <= found.keys()
    # A caption that lost a sentence's text cannot have it; all else of its rows is as it was.
    lost = {name.rpartition("/")[0] for name in touched}
    for name in expected.keys() - touched:
        free = ("caption", "num_sentences") if name.rpartition("/")[0] in lost else ()
        for field in expected[name].keys() - set(free):
            assert found[name][field] == expected[name][field], (name, field)


def test_an_unfound_phrase_costs_only_its_own_span(simulate, clean):
    folder = simulate("--dirty", DIRTY)
    log = [json.loads(line) for line in (folder / "dirty_log.jsonl").read_text().splitlines()]
    typos = [entry["id"] for entry in log if entry["kind"] == "error_words_typo"]
    before, after = (
        {row["id"]: row["spans"] for row in alignbench.read(where)[0].to_pylist()}
        for where in (clean, folder)
    )
    for name in typos:
        assert len(after[name]) == len(before[name]) - 1
        assert all(span in before[name] for span in after[name])
