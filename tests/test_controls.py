"""The blind detectors: what they go by, and that chance is chance."""

import datasets
import numpy as np
import pytest

from alignbench_tools import detectors, scoring
from alignbench_tools.__main__ import main
from alignbench_tools.captions import Captions
from alignbench_tools.detectors import controls
from alignbench_tools.evaluate import evaluate


@pytest.fixture(scope="module")
def sample():
    return datasets.load_dataset("alignbench", "sample", split="test")


def scored(sample, name, out, **options):
    return scoring.run(detectors.build(f"control/{name}", options), Captions(sample), out, progress=False)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("position", lambda row: -row["position"]),
        ("length", lambda row: -len(row["sentence"].split())),
        ("constant", lambda row: 0),
    ],
)
def test_a_control_goes_by_the_text_alone(sample, tmp_path, name, expected):
    found = scored(sample, name, tmp_path / "s.jsonl")
    rows = sample.remove_columns("image")
    np.testing.assert_array_equal(found.aligned(sample["id"]), [expected(row) for row in rows])
    assert not controls.Control.needs_picture


def test_a_constant_detector_has_an_auroc_of_one_half(sample, tmp_path):
    result = evaluate(scored(sample, "constant", tmp_path / "s.jsonl"), sample)
    assert result["auroc"] == result["auroc_pooled"] == 0.5


def test_random_scores_depend_on_the_seed_and_the_sentence_and_on_nothing_else(sample, tmp_path):
    one = scored(sample, "random", tmp_path / "one.jsonl", seed=1)
    part = scored(sample.shuffle(seed=0).select(range(50)), "random", tmp_path / "part.jsonl", seed=1)
    ids = part.table["id"].to_pylist()
    np.testing.assert_array_equal(
        part.aligned(ids), one.aligned(sample["id"])[[sample["id"].index(name) for name in ids]]
    )
    other = scored(sample, "random", tmp_path / "other.jsonl", seed=2)
    assert abs(np.corrcoef(one.aligned(sample["id"]), other.aligned(sample["id"]))[0, 1]) < 0.2
    values = one.aligned(sample["id"])
    assert 0 <= values.min() < 0.1 < 0.9 < values.max() < 1


def test_an_unknown_control_or_scheme_lists_those_there_are():
    with pytest.raises(ValueError, match="expected one of position, length, constant, random"):
        detectors.build("control/magic", {})
    with pytest.raises(ValueError, match="SCHEME/NAME with a scheme of control, lm, ocr"):
        detectors.build("control", {})


def test_the_command_scores_and_a_second_time_has_nothing_to_do(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    command = ["score", "--sample", "--model", "control/random", "--seed", "7", "--limit", "50"]
    assert main(command) == 0
    assert "control_random.jsonl: control/random: 50 ok" in capsys.readouterr().out
    before = (tmp_path / "control_random.jsonl").read_bytes()
    assert main(command) == 0
    assert (tmp_path / "control_random.jsonl").read_bytes() == before
    assert main([*command[:4], "--seed", "8"]) == 1
    assert "parameters: {'seed': 7} / {'seed': 8}; take another --out" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--protocol", "p-yes"], "--protocol: of no use with --model control/length"),
        (["--out", "scores.csv"], "ends in .jsonl or .parquet"),
        (["--limit", "0"], "at least 1"),
        (["--captioners", "nobody"], "nobody"),
        (["--data-dir", "elsewhere"], "--sample: the embedded sample takes no data_dir"),
    ],
)
def test_options_that_do_not_fit_are_refused_and_nothing_is_written(
    tmp_path, capsys, monkeypatch, options, message
):
    monkeypatch.chdir(tmp_path)
    assert main(["score", "--sample", "--model", "control/length", *options]) == 1
    assert message in capsys.readouterr().err
    assert not [path for path in tmp_path.iterdir() if path.suffix in (".jsonl", ".parquet", ".csv")]
