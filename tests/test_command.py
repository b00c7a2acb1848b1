"""The command `alignbench`: what it prints, what it returns, what it says when something is wrong."""

import alignbench_auroc
import pytest
from datasets import load_dataset
from sklearn.metrics import roc_auc_score

import alignbench
from alignbench_tools.__main__ import main


@pytest.fixture
def cached(tmp_path, monkeypatch):
    """A cache of its own for what the command builds."""
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "datasets")


@pytest.mark.smoke
def test_demo_prints_the_auroc_that_scikit_learn_finds(capsys):
    assert main(["demo"]) == 0
    printed = capsys.readouterr().out
    rows = load_dataset("alignbench", "sample", split="test").remove_columns("image").to_pandas()
    rows = rows[rows["label"] < 2]
    scores = {
        "sentence position": -rows["position"],
        "sentence length": -rows["sentence"].str.split().str.len(),
    }
    for detector, score in scores.items():
        expected = [
            roc_auc_score(part["label"], score[part.index])
            for _, part in rows.groupby("captioner", sort=False)
        ]
        line = next(line for line in printed.splitlines() if line.startswith(detector))
        cells = line.removeprefix(detector).split()
        assert cells[: len(expected)] == [f"{value:.3f}" for value in expected]
        assert cells[len(expected)] == f"{sum(expected) / len(expected):.3f}"


def test_load_prints_the_report_and_a_line_per_captioner(write_release, tmp_path, capsys, cached):
    folder = write_release({}, {"sentence_index": 1, "annotation": "incorrect"}, "oops", {"model": "birch"})
    saved = tmp_path / "report.json"
    assert main(["load", "--data-dir", str(folder), "--images", "skip", "--report", str(saved)]) == 0
    printed = capsys.readouterr().out
    assert "bad_json [line]: 1 line, left out" in printed
    table = [line.split() for line in printed.splitlines() if line.startswith(("atlas", "birch"))]
    assert table == [["atlas", "1", "2", "1", "1", "0", "1"], ["birch", "1", "1", "1", "0", "0", "0"]]
    assert alignbench.Report.load(saved).counts() == {"bad_json": 1}


def test_load_captions_counts_captions(write_release, capsys, cached):
    folder = write_release({}, {"sentence_index": 1}, {"image_name": "2"})
    assert main(["load", "captions", "--data-dir", str(folder), "--images", "skip"]) == 0
    assert capsys.readouterr().out.splitlines()[-1].split() == ["atlas", "2", "1.5"]


def test_load_takes_the_options_of_load_dataset(write_release, capsys, cached):
    folder = write_release({"model": "atlas"}, {"model": "birch"})
    assert main(["load", "--data-dir", str(folder), "--images", "skip", "--captioners", "birch"]) == 0
    assert "1 row (birch 1)" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["load", "--data-dir", "nowhere"], "no release folder at"),
        (["load", "--data-dir", ".", "--image-dir", "coco"], "expected SOURCE=FOLDER"),
        (["load", "--data-dir", "{release}", "--captioners", "atlass"], "did you mean atlas?"),
        (["load", "--data-dir", "{release}", "--strict"], "the release is irregular"),
        (["load", "--data-dir", "{release}", "--images", "require"], "1 picture cannot be had"),
    ],
)
def test_what_the_user_can_mend_is_one_message_and_exit_code_1(
    write_release, capsys, cached, arguments, message
):
    folder = str(write_release({}, "oops"))
    assert main([text.format(release=folder) for text in arguments]) == 1
    captured = capsys.readouterr()
    assert message in captured.err
    assert captured.err.startswith("alignbench: ")
    assert "Traceback" not in captured.err


@pytest.fixture
def saved(tmp_path):
    """Save a result of the metric for scores of four sentences."""

    def save(name, scores, labels=(1, 0, 1, 0)):
        result = alignbench_auroc.summarize(
            scores, list(labels), captioner=list("aabb"), image_id=list("xxyy")
        )
        result.save(tmp_path / name)
        return str(tmp_path / name)

    return save


def test_compare_prints_both_results_and_their_difference(saved, capsys):
    a, b = saved("a.json", [0.9, 0.1, 0.9, 0.1]), saved("b.json", [0.9, 0.1, 0.1, 0.9])
    assert main(["compare", a, b]) == 0
    lines = {line.split()[0]: line.split()[1:] for line in capsys.readouterr().out.splitlines()[1:-1]}
    assert lines["auroc"] == ["1.0000", "0.5000", "+0.5000"]
    assert lines["auroc_b"] == ["1.0000", "0.0000", "+1.0000"]


def test_compare_refuses_results_of_other_labels_and_says_in_what_they_differ(saved, capsys):
    a, b = saved("a.json", [0.9, 0.1, 0.9, 0.1]), saved("b.json", [0.9, 0.1, 0.1, 0.9], labels=(1, 0, 1, 1))
    assert main(["compare", a, b]) == 1
    assert "their signatures differ in labels" in capsys.readouterr().err


def test_compare_names_a_file_that_is_no_result(saved, tmp_path, capsys):
    (tmp_path / "b.json").write_text("[]")
    assert main(["compare", saved("a.json", [0.9, 0.1, 0.9, 0.1]), str(tmp_path / "b.json")]) == 1
    assert "b.json: expected a result saved by Result.save" in capsys.readouterr().err


def test_every_verb_explains_itself(capsys):
    with pytest.raises(SystemExit) as exit_:
        main(["--help"])
    assert exit_.value.code == 0
    assert {"demo", "load", "verify"} <= set(capsys.readouterr().out.split())
