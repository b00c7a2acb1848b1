"""What `alignbench report` takes, and what it says of what it cannot take."""

import json

import alignbench_auroc
import datasets
import numpy as np
import pytest
from reports import board_of, noisy, parse, row_of, run, sample_data, without_figures, write  # noqa: F401

from alignbench_tools.evaluate import evaluate
from alignbench_tools.reporting import inputs
from alignbench_tools.scores import read

pytestmark = pytest.mark.usefixtures("without_figures")


@pytest.fixture(scope="module")
def sample():
    return datasets.load_dataset("alignbench", "sample", split="test")


@pytest.fixture(scope="module")
def data():
    return sample_data()


def entries(data, *paths, missing="error", own=None):
    return inputs.entries(paths, [inputs.read(path) for path in paths], data, missing, own)


def test_an_entry_holds_the_metrics_own_result(sample, data, tmp_path):
    path = write(tmp_path, sample, "looker", noisy(sample, 1), own_captioners=["birch"])
    (entry,) = entries(data, path)
    expected = evaluate(read(path), sample)
    np.testing.assert_equal(dict(entry.result), dict(expected))
    assert (entry.name, entry.own, entry.absent) == ("looker", ("birch",), 0)
    assert entry.counts == {"ok": 217}


def test_bare_scores_are_named_like_their_file(sample, data, tmp_path):
    path = tmp_path / "my detector.jsonl"
    lines = [{"id": key, "score": -place} for place, key in enumerate(sample["id"])]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert entries(data, path)[0].name == "my detector"


def test_two_files_of_one_detector_are_refused_and_both_named(sample, data, tmp_path):
    a = write(tmp_path, sample, "looker", noisy(sample, 1), "a", protocol="score-100")
    b = write(tmp_path, sample, "looker", noisy(sample, 2), "b", protocol="score-100")
    with pytest.raises(ValueError, match=r"a\.jsonl and .*b\.jsonl are both of the detector 'looker'.*merge"):
        entries(data, a, b)


def test_a_saved_result_and_scores_of_one_detector_are_two_of_one(sample, data, tmp_path):
    path = write(tmp_path, sample, "looker", noisy(sample, 1))
    evaluate(read(path), sample).save(tmp_path / "looker.json")
    with pytest.raises(ValueError, match="both of the detector 'looker'"):
        entries(data, path, tmp_path / "looker.json")


@pytest.mark.parametrize(
    ("one", "other", "names"),
    [
        ({"protocol": "p-yes"}, {"protocol": "score-100"}, ["looker (p-yes)", "looker (score-100)"]),
        (
            {"protocol": "p-yes", "parameters": {"temperature": 0, "seed": 1}},
            {"protocol": "p-yes", "parameters": {"temperature": 1, "seed": 1}},
            ["looker (temperature 0)", "looker (temperature 1)"],
        ),
        ({"context": "caption"}, {}, ["looker (context caption)", "looker (context none)"]),
        (
            {"protocol_digest": "0123456789abcdef"},
            {"protocol_digest": "fedcba9876543210"},
            ["looker (protocol digest 0123456789ab)", "looker (protocol digest fedcba987654)"],
        ),
    ],
)
def test_one_detector_asked_in_two_ways_is_two_rows_named_by_what_differs(one, other, names):
    headers = [{"detector": "looker", **one}, {"detector": "looker", **other}, {"detector": "listener"}]
    assert inputs.row_names(["a", "b", "c"], headers) == [*names, "listener"]


def test_scores_of_other_data_are_refused_with_file_and_ids(sample, data, tmp_path):
    path = tmp_path / "looker.jsonl"
    lines = [{"id": "atlas/nowhere/0", "score": 1.0}, {"id": sample["id"][0], "score": 1.0}]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    with pytest.raises(
        ValueError, match=r"looker\.jsonl: 1 of 2 ids are not in the data.*nowhere.*--data-dir"
    ):
        entries(data, path)


def test_scores_of_changed_sentences_are_refused_by_their_digest(sample, data, tmp_path):
    path = write(tmp_path, sample, "looker", noisy(sample, 1))
    lines = path.read_text().splitlines()
    header = json.loads(lines[0])
    header["data"]["captioners"]["atlas"]["digest"] = "0" * 16
    path.write_text("\n".join([json.dumps(header), *lines[1:]]) + "\n")
    with pytest.raises(ValueError, match="differ in data of atlas"):
        entries(data, path)


def test_captioners_that_the_data_have_not_are_left_out_and_said(sample, data, tmp_path):
    path = tmp_path / "looker.jsonl"
    lines = [{"id": key, "score": 1.0} for key in [*sample["id"], "ghost/1/0", "ghost/1/1"]]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    (entry,) = entries(data, path)
    assert entry.notes == ("2 scores are left out, as the data have not their captioners: ghost",)
    path.write_text('{"id": "ghost/1/0", "score": 1.0}\n')
    with pytest.raises(ValueError, match="the scores are of ghost, the data of atlas, birch, cedar, dune"):
        entries(data, path)


def gappy(sample, tmp_path):
    """A detector that refuses two labelled sentences of atlas and has no line for one of birch."""
    values = list(noisy(sample, 1))
    rows = [i for i, label in enumerate(sample["label"]) if label != 2]
    of = {name: [i for i in rows if sample["captioner"][i] == name] for name in ("atlas", "birch")}
    for row in of["atlas"][:2]:
        values[row] = np.nan
    values[of["birch"][0]] = None
    rows = [value for value in values if value is not None]
    kept = sample.select([i for i, value in enumerate(values) if value is not None])
    path = write(tmp_path, kept, "gappy", rows)
    lines = path.read_text().splitlines()
    header = {key: value for key, value in json.loads(lines[0]).items() if key != "data"}
    path.write_text("\n".join([json.dumps(header), *lines[1:]]) + "\n")
    return path


def test_missing_scores_are_an_error_that_says_where_why_and_what_to_do(sample, data, tmp_path):
    with pytest.raises(ValueError, match="have no score") as error:
        entries(data, gappy(sample, tmp_path))
    message = str(error.value)
    assert "gappy.jsonl: 3 labelled sentences have no score (atlas 2, birch 1), such as 'atlas/" in message
    assert "refused 2, not in the file 1" in message
    assert "--missing worst" in message
    assert "--missing drop" in message


@pytest.mark.parametrize(("policy", "done"), [("worst", "counted as wrong"), ("drop", "left out")])
def test_missing_scores_stand_on_the_page(sample, tmp_path, policy, done):
    run(gappy(sample, tmp_path), "--sample", "--missing", policy, "--out", tmp_path / "r.html")
    page = (tmp_path / "r.html").read_text()
    assert (
        "gappy: 3 labelled sentences without a score (of all sentences: refused 2, not in the file 1)" in page
    )
    assert f"{done}." in page


def test_dropped_rows_keep_a_detector_from_being_compared(sample, data, tmp_path):
    whole = write(tmp_path, sample, "whole", noisy(sample, 2, 3.0))
    also = write(tmp_path, sample, "also", noisy(sample, 3))
    board, _ = board_of(gappy(sample, tmp_path), whole, also, data=data, missing="drop")
    assert [row.name for row in board.rows] == ["whole", "also", "gappy"]
    assert board.rows[-1].marks == ("a", "b")
    assert not board.rows[-1].rank
    assert not any(cell.best or cell.tied for cell in board.rows[-1].cells.values())
    assert any("Compares with no other row" in text and "labels:" in text for _, text in board.notes)


def test_a_detector_that_answered_nothing_does_not_set_what_others_compare_with(sample, data, tmp_path):
    silent = write(tmp_path, sample, "silent", np.full(217, np.nan))
    board, _ = board_of(silent, write(tmp_path, sample, "a", noisy(sample, 1)), data=data, missing="drop")
    assert [(row.name, bool(row.marks)) for row in board.rows] == [("a", False), ("silent", True)]
    correct = [sample["captioner"][row] for row, label in enumerate(sample["label"]) if label == 1]
    assert all(column.n_correct == correct.count(column.key) for column in board.columns[:-1])


def test_a_detector_with_fewer_captioners_has_its_own_average_and_is_not_compared(sample, data, tmp_path):
    part = sample.filter(lambda row: row["captioner"] in ("atlas", "dune"))
    few = write(tmp_path, part, "few", noisy(part, 1))
    board, (entry, *_) = board_of(
        few, write(tmp_path, sample, "a", noisy(sample, 2)), write(tmp_path, sample, "b", noisy(sample, 3)),
        data=data,
    )  # fmt: skip
    assert entry.result["auroc"] == evaluate(read(few), sample)["auroc"]
    assert np.isnan(entry.scores).sum() == 217 - len(part)
    row = board.rows[-1]
    assert row.name == "few"
    assert np.isnan(row.cells["birch"].auroc)
    texts = [text for mark, text in board.notes if mark in row.marks]
    assert "few: No scores of birch, cedar: the average is over 2 captioners." in texts


def test_a_saved_result_is_a_row_that_is_not_tested(sample, data, tmp_path):
    path = write(tmp_path, sample, "looker", noisy(sample, 1))
    saved = tmp_path / "saved.json"
    evaluate(read(write(tmp_path, sample, "other", noisy(sample, 2))), sample).save(saved)
    run(path, saved, "--sample", "--out", tmp_path / "r.html")
    row = row_of(tmp_path / "r.html", "saved")
    assert [float(cell["value"]) for cell in row[1:]] == list(
        alignbench_auroc.Result.load(saved).aurocs()[key]
        for key in ("auroc_atlas", "auroc_birch", "auroc_cedar", "auroc_dune", "auroc")
    )
    assert "its differences cannot be tested" in (tmp_path / "r.html").read_text()


def test_saved_results_alone_need_no_data(sample, tmp_path, monkeypatch):
    for name, seed in (("one", 1), ("two", 2)):
        values, columns = noisy(sample, seed), alignbench_auroc.columns(sample)
        result = (alignbench_auroc.diagnose if seed == 1 else alignbench_auroc.summarize)(
            values, **{key: columns[key] for key in ("references", "captioner", "image_id")}
        )
        result.save(tmp_path / f"{name}.json")
    monkeypatch.setattr("alignbench_tools.release.load", lambda *_: pytest.fail("the data were loaded"))
    run(tmp_path / "one.json", tmp_path / "two.json", "--out", tmp_path / "r.html")
    best = max(
        ("one", "two"), key=lambda name: alignbench_auroc.Result.load(tmp_path / f"{name}.json")["auroc"]
    )
    assert "b" in row_of(tmp_path / "r.html", best)[-1]["tags"]
    assert "saved results do not hold the scores of single sentences" in (tmp_path / "r.html").read_text()


def test_results_with_another_signature_stand_apart_and_say_in_what(sample, data, tmp_path):
    paths = [write(tmp_path, sample, name, noisy(sample, seed)) for seed, name in enumerate("ab")]
    evaluate(read(paths[0]), sample, confidence=0.9).save(tmp_path / "narrow.json")
    board, _ = board_of(*paths, tmp_path / "narrow.json", data=data)
    assert board.rows[-1].name == "narrow"
    texts = dict(board.notes)
    assert "confidence: 0.9 / 0.95" in texts[board.rows[-1].marks[0]]


def test_own_captioners_come_from_the_header_or_the_option(sample, data, tmp_path):
    path = write(tmp_path, sample, "looker", noisy(sample, 1), own_captioners=["birch", "elsewhere"])
    board, (entry,) = board_of(path, data=data)
    assert entry.result["self_preference"]["own"] == ["birch"]
    assert [key for key, cell in board.rows[0].cells.items() if cell.own] == ["birch"]
    (entry,) = entries(data, path, own={"looker": ["atlas", "dune"]})
    assert entry.result["self_preference"]["own"] == ["atlas", "dune"]
    (entry,) = entries(data, path, own={"looker": data.captioners})
    assert entry.result["self_preference"] is None
    assert "Self-preference" in entry.notes[0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--own", "looker"], "--own looker: expected DETECTOR=CAPTIONER"),
        (["--own", "looker="], "--own looker=: expected DETECTOR=CAPTIONER"),
        (["--own", "other=atlas"], "expected one of the detectors looker"),
        (["--own", "looker=gpt4o"], r"captioners of the data \(atlas, birch, cedar, dune\), got gpt4o"),
        (["--gallery", "other"], r"--gallery other: expected a detector that scores are given of \(looker\)"),
    ],
)  # fmt: skip
def test_options_that_name_what_is_not_there_are_refused(sample, tmp_path, options, message):
    path = write(tmp_path, sample, "looker", noisy(sample, 1))
    with pytest.raises(ValueError, match=message):
        run(path, "--sample", "--out", tmp_path / "r.html", *options)


def test_what_is_no_file_of_scores_is_named(sample, tmp_path):
    comparison = alignbench_auroc.compare(
        noisy(sample, 1), noisy(sample, 2), sample["label"], image_id=sample["image_id"], replicates=10
    )
    comparison.save(tmp_path / "pair.json")
    (tmp_path / "broken.jsonl").write_text('{"id": "a/b/0", "score": 1}\n{"id": \n')
    (tmp_path / "other.json").write_text('{"auroc": 0.7}')
    for name, error, message in [
        ("none.jsonl", FileNotFoundError, r"none\.jsonl: no such file"),
        ("", ValueError, "expected files of scores, got a folder"),
        ("pair.json", ValueError, r"pair\.json: expected scores or the result of one detector.*Comparison"),
        ("broken.jsonl", ValueError, r"broken\.jsonl, line 2: expected a JSON object"),
        ("other.json", ValueError, r"other\.json: expected a result saved by Result\.save"),
    ]:
        with pytest.raises(error, match=message):
            inputs.read(tmp_path / name)


def test_an_out_that_cannot_be_written_is_refused_at_once(tmp_path):
    for out, message in (("no/where/r.html", "no such folder"), (".", "got a folder")):
        args = parse("none.jsonl", "--out", tmp_path / out)
        with pytest.raises((FileNotFoundError, ValueError), match=message):
            args.run(args)
