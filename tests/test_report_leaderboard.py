"""The leaderboard and its tables: the metric's numbers, the paper's order, what is and is not significant."""

import csv
import io
import json
import re
import shutil
import subprocess
import sys

import alignbench_auroc
import datasets
import numpy as np
import pytest
from reports import HOSTILE, board_of, noisy, parse, sample_data, write

from alignbench_tools.evaluate import evaluate
from alignbench_tools.reporting import data as data_of
from alignbench_tools.reporting import leaderboard, tables
from alignbench_tools.scores import read

CAPTIONERS = ("atlas", "birch", "cedar", "dune")


@pytest.fixture(scope="module")
def sample():
    return datasets.load_dataset("alignbench", "sample", split="test")


@pytest.fixture(scope="module")
def data():
    return sample_data()


@pytest.fixture(scope="module")
def paths(sample, tmp_path_factory):
    """A good detector, nearly the same one, a poor one and one that is constant."""
    folder = tmp_path_factory.mktemp("scores")
    good = noisy(sample, 1, 2.0)
    values = {
        "good": good,
        "nearly": good + np.random.default_rng(9).normal(scale=0.3, size=len(good)),
        "poor": noisy(sample, 2, 0.2),
        "constant": np.ones(len(good)),
    }
    return [write(folder, sample, name, scores) for name, scores in values.items()]


@pytest.fixture(scope="module")
def board(paths, data):
    return board_of(*paths, data=data)[0]


def test_every_number_is_the_metrics(board, paths, sample):
    for path in paths:
        result = evaluate(read(path), sample)
        row = next(row for row in board.rows if row.name == path.stem)
        for captioner in CAPTIONERS:
            cell, expected = row.cells[captioner], result["captioners"][captioner]
            numbers = [expected[name] for name in ("auroc", "auroc_low", "auroc_high")]
            np.testing.assert_equal([cell.auroc, cell.low, cell.high], numbers)
        assert row.cells["mean"].auroc == result["auroc"]


def test_rows_are_in_the_order_of_the_mean_and_the_best_of_each_column_is_marked(board):
    means = [row.cells["mean"].auroc for row in board.rows]
    assert means == sorted(means, reverse=True)
    for column in board.columns:
        cells = [row.cells[column.key] for row in board.rows]
        highest = max(cell.auroc for cell in cells)
        assert [cell.best for cell in cells] == [cell.auroc == highest for cell in cells]


def test_not_significant_is_what_the_metrics_ranking_says_after_holm(board, paths, sample, data):
    detectors = {path.stem: read(path).aligned(sample["id"]) for path in paths}
    columns = alignbench_auroc.columns(sample)
    rows = {
        name: np.flatnonzero(np.array(sample["captioner"]) == name) for name in CAPTIONERS
    } | {"mean": np.arange(len(sample))}  # fmt: skip
    for key, use in rows.items():
        ranking = alignbench_auroc.rank_detectors(
            {name: scores[use] for name, scores in detectors.items()},
            columns["references"].to_numpy()[use],
            captioner=np.array(sample["captioner"])[use],
            image_id=np.array(sample["image_id"])[use],
        )
        best = next(iter(ranking["detectors"]))
        for pair in ranking["pairs"]:
            if pair["a"] == best:
                cell = next(row for row in board.rows if row.name == pair["b"]).cells[key]
                assert cell.p == pair["p_holm"]
                assert cell.tied == (pair["p_holm"] > 0.05)
    tied = {row.name: row.cells["mean"].tied for row in board.rows}
    assert tied["good"] != tied["nearly"]
    assert not tied["poor"]
    assert not tied["constant"]


def test_one_detector_alone_is_not_called_the_best(paths, data):
    board, _ = board_of(paths[0], data=data)
    assert not any(cell.best or cell.tied for cell in board.rows[0].cells.values())
    assert board.rows[0].rank is None


def test_captioners_stand_in_the_papers_order_and_others_after_them():
    names = ["zebra", "gpt4o-imagen", "sd", "llama-4", "cogvlm", "ant", "gpt4o", "qwen", "llava", "sharegpt"]
    printed = [data_of.printed(name) for name in data_of.in_order(names)]
    assert printed == [
        "S-GPT", "LLaVA", "Qwen-2", "GPT4o", "CogVLM", "Llama-4", "SD", "GPT-Gen", "ant", "zebra",
    ]  # fmt: skip


def test_a_captioner_without_incorrect_sentences_is_undefined_and_said(write_release, tmp_path, monkeypatch):
    labels = {"gpt4o": ["correct", "incorrect"], "llava": ["correct", "correct"]}
    folder = write_release(
        *(
            {"model": name, "image_name": str(n), "annotation": given[n % 2]}
            for name, given in labels.items()
            for n in range(8)
        )
    )
    data = data_of.load(parse("x", "--data-dir", folder))
    paths = []
    for name, sign in (("up", 1), ("down", -1)):
        lines = [{"id": key, "score": sign * place} for place, key in enumerate(data.table["id"].to_pylist())]
        paths.append(tmp_path / f"{name}.jsonl")
        paths[-1].write_text("".join(json.dumps(line) + "\n" for line in lines))
    board, _ = board_of(*paths, data=data)
    assert [np.isnan(row.cells["llava"].auroc) for row in board.rows] == [True, True]
    assert [row.cells["mean"].auroc for row in board.rows] == [row.cells["gpt4o"].auroc for row in board.rows]
    assert any(
        text.startswith("LLaVA: 8 correct and 0 incorrect sentences. An AUROC needs both")
        for _, text in board.notes
    )
    assert "| – |" in tables.as_markdown(board)
    assert "& -- &" in tables.as_latex(board)


@pytest.fixture(scope="module")
def simulated(simulator, shared, tmp_path_factory):
    """The paper's 25 detectors on a twentieth of the release."""
    folder = simulator(tmp_path_factory.mktemp("simulated"), "--scale", 0.05)
    command = [
        sys.executable,
        shared / "sim" / "make_scores.py",
        folder,
        "--targets",
        shared / "paper" / "table3.json",
    ]
    subprocess.run(list(map(str, command)), check=True, capture_output=True)
    data = data_of.load(parse("x", "--data-dir", folder))
    return board_of(*sorted((folder / "scores").glob("*.jsonl")), data=data, with_paper=True)[0]


def test_the_simulated_leaderboard_is_the_papers_table(simulated, shared):
    published = json.loads((shared / "paper" / "table3.json").read_text())
    assert [column.title for column in simulated.columns] == [
        "S-GPT", "LLaVA", "Qwen-2", "GPT4o", "CogVLM", "Llama-4", "SD", "GPT-Gen", "Avg.",
    ]  # fmt: skip
    assert len(simulated.rows) == 25
    for row in simulated.rows:
        for captioner, value in published[row.name].items():
            if captioner == "Avg":
                # The printed averages are up to 0.23 off the mean of their row.
                assert 100 * row.cells["mean"].auroc == pytest.approx(value, abs=0.3)
            else:
                assert 100 * row.cells[captioner].auroc == pytest.approx(value, abs=0.1)


def test_the_published_rows_are_table_3(shared):
    published = json.loads((shared / "paper" / "table3.json").read_text())
    rows = leaderboard.published_rows()
    expected = sorted(
        [*(value for key, value in row.items() if key != "Avg"), row["Avg"]]
        for name, row in published.items()
        if name != "_meta"
    )
    found = sorted([round(100 * cell.auroc, 1) for cell in row.cells.values()] for row in rows)
    assert found == expected
    assert all(row.published for row in rows)
    assert rows[0].name == "GPT5"


def test_published_rows_are_marked_and_neither_best_nor_tested(simulated):
    assert all(row.published for row in simulated.published)
    assert not any(cell.best or cell.tied for row in simulated.published for cell in row.cells.values())
    assert tables.as_markdown(simulated).count("not measured here") == 1
    assert tables.as_latex(simulated).count("not measured here") == 1
    found = list(csv.DictReader(io.StringIO(tables.as_csv(simulated))))
    assert [line["source"] for line in found] == ["measured"] * 25 + ["published"] * 25


def test_the_csv_has_full_precision(board):
    found = list(csv.DictReader(io.StringIO(tables.as_csv(board))))
    assert [line["detector"] for line in found] == [row.name for row in board.rows]
    for line, row in zip(found, board.rows, strict=True):
        for key, cell in row.cells.items():
            assert float(line[key]) == cell.auroc
            for name, value in (("low", cell.low), ("high", cell.high), ("p_vs_best", cell.p)):
                text = line[f"{key}_{name}"]
                assert float(text) == value if text else np.isnan(value)


def hostile(sample, data, folder):
    paths = [
        write(folder, sample, HOSTILE, noisy(sample, 1), "a", own_captioners=["birch"]),
        write(folder, sample, "line\nbreak | pipe", noisy(sample, 2), "b"),
    ]
    return board_of(*paths, data=data)[0]


def test_the_markdown_keeps_its_columns_whatever_the_names(sample, data, tmp_path):
    text = tables.as_markdown(hostile(sample, data, tmp_path))
    lines = text.split("\n\n")[0].splitlines()
    assert len(lines) == 4
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in lines} == {len(CAPTIONERS) + 3}
    assert "<script" not in text


def test_the_markdown_marks_the_best_the_own_and_what_is_not_significant(paths, data):
    board, _ = board_of(*paths, data=data, own={"good": ["birch"]})
    first, second, *_ = board.rows
    lines = tables.as_markdown(board).splitlines()
    best = first.cells["mean"]
    limits = f"{100 * best.low:.1f}–{100 * best.high:.1f}"
    assert f"**{100 * best.auroc:.1f}** <sub>{limits}</sub> |" in lines[2]
    assert f"{100 * second.cells['mean'].auroc:.1f}<sup>ns</sup> <sub>" in lines[3]
    good = next(line for line in lines if line.startswith("| good"))
    own = next(row for row in board.rows if row.name == "good").cells["birch"]
    assert f"<u>{100 * own.auroc:.1f}</u>" in good


@pytest.mark.skipif(not shutil.which("pdflatex"), reason="needs pdflatex")
def test_the_latex_compiles_whatever_the_names(sample, data, simulated, tmp_path):
    document = (
        r"\documentclass{article}\usepackage[a4paper,margin=1.5cm]{geometry}\usepackage{booktabs}"
        + r"\begin{document}"
        + tables.as_latex(hostile(sample, data, tmp_path))
        + tables.as_latex(simulated)
        + r"\end{document}"
    )
    (tmp_path / "table.tex").write_text(document)
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", "table.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:]
    assert "Output written on table.pdf (" in done.stdout
    # Nothing sticks out of the page.
    assert "Overfull" not in done.stdout


def test_the_latex_has_the_pages_numbers_rules_and_groups(simulated):
    text = tables.as_latex(simulated)
    assert r"\begin{tabular}{@{}l rrrrrr rr r@{}}" in text
    assert [text.count(rule) for rule in (r"\toprule", r"\midrule", r"\bottomrule")] == [1, 2, 1]
    line = next(line for line in text.splitlines() if line.strip().startswith("GPT5 &"))
    numbers = [float(number) for number in re.findall(r"\d+\.\d", line)]
    cells = simulated.rows[0].cells.values()
    assert numbers == [round(100 * cell.auroc, 1) for cell in cells]
