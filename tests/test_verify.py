"""`alignbench verify` finds the published figures in a release, and names those that it does not find."""

import argparse
import itertools
import json
import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import datasets
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alignbench_tools import verify as module
from alignbench_tools.verify import FLEISS, TABLE2, TOTAL, fleiss, published, verify, vote_counts, word_counts

SHARED = Path(os.environ.get("ALIGNBENCH_SHARED", Path(__file__).resolve().parents[2] / "shared"))
SIMULATOR = SHARED / "sim" / "make_release.py"
INCORRECT, CORRECT, UNKNOWN = 0, 1, 2
VOTES_FOR = {CORRECT: (3, 0, 0), INCORRECT: (1, 2, 0), UNKNOWN: (1, 1, 1)}

needs_simulator = pytest.mark.skipif(not SIMULATOR.exists(), reason=f"no release simulator at {SIMULATOR}")


def simulate(folder: Path, *options: str) -> Path:
    command = [sys.executable, SIMULATOR, "--out", folder, *options]
    subprocess.run(command, check=True, capture_output=True)
    return folder


def rows_of(folder: Path) -> pa.Table:
    """A plain reading of a clean release, independent of the project's reader."""
    lines = (folder / "halcap_bench.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    labels = {"correct": CORRECT, "incorrect": INCORRECT, "unknown": UNKNOWN}
    names = ("correct", "incorrect", "unknown")
    return pa.table(
        {
            "captioner": [row["model"] for row in rows],
            "image_id": [row["image_name"] for row in rows],
            "sentence": [row["caption"] for row in rows],
            "label": [labels[row["annotation"]] for row in rows],
            "votes": [{name: row[f"n_{name}"] for name in names} for row in rows],
        }
    )


def small_table(labels: dict[str, list[int]], images: int = 2) -> pa.Table:
    """Rows of two-word sentences, on `images` images per captioner in turn."""
    rows = [
        (name, f"{at % images}", label) for name, given in labels.items() for at, label in enumerate(given)
    ]
    names = ("correct", "incorrect", "unknown")
    return pa.table(
        {
            "captioner": [row[0] for row in rows],
            "image_id": [row[1] for row in rows],
            "sentence": ["two words"] * len(rows),
            "label": [row[2] for row in rows],
            "votes": [dict(zip(names, VOTES_FOR[row[2]], strict=True)) for row in rows],
        }
    )


def replaced(table: pa.Table, name: str, values: object) -> pa.Table:
    return table.set_column(table.schema.get_field_index(name), name, pa.array(values))


def differing(result: module.Verification) -> set[tuple[str, str]]:
    return {(check.captioner, check.figure) for check in result.checks if check.status == "differs"}


def known(result: module.Verification) -> set[tuple[str, str]]:
    return {(check.captioner, check.figure) for check in result.checks if check.status == "known"}


def figures_of(table: pa.Table) -> dict:
    """What a publication that agrees with `table` in everything would say."""
    result = verify(table, EVERYTHING)
    figures: dict = {
        source: {figure: {} for figure in module.DECIMALS[source]} for source in (TABLE2, FLEISS)
    }
    for check in result.checks:
        if check.source in figures and check.found is not None:
            figures[check.source][check.figure][check.captioner] = check.found
    return figures


EVERYTHING = {
    source: {figure: dict.fromkeys(("a", "sd", TOTAL), -1.0) for figure in module.DECIMALS[source]}
    for source in (TABLE2, FLEISS)
}
LABELS = {"a": [1, 1, 0, 2, 1, 0], "sd": [1, 0, 0, 2]}


@pytest.fixture(scope="module")
def full_release(tmp_path_factory: pytest.TempPathFactory) -> pa.Table:
    return rows_of(simulate(tmp_path_factory.mktemp("release")))


@needs_simulator
def test_full_release_agrees_with_every_published_figure(full_release: pa.Table) -> None:
    result = verify(full_release)
    assert result.ok
    assert len(result.checks) == 4 * 9 + 4 * 8 + 1 + 1
    assert known(result) == {("sd", "N_items"), (TOTAL, "N_items")}
    assert "published 22,005, found 2,717" in str(result)


@needs_simulator
def test_release_with_all_published_sd_items_agrees_without_exception(tmp_path: Path) -> None:
    result = verify(rows_of(simulate(tmp_path, "--published-sd")))
    assert result.ok
    assert not known(result)
    assert "2,417 sentences of Stable Diffusion (sd), the Fleiss file 22,005 items" in str(result)


@needs_simulator
def test_hundred_flipped_labels_are_named(full_release: pa.Table) -> None:
    labels = np.asarray(full_release["label"]).copy()
    captioners = np.asarray(full_release["captioner"].to_pylist())
    rows = np.flatnonzero((captioners == "qwen") & (labels == CORRECT))[:100]
    labels[rows] = INCORRECT
    result = verify(replaced(full_release, "label", labels))
    assert not result.ok
    assert {("qwen", "positive_percent"), (TOTAL, "contradicted labels")} <= differing(result)
    assert "Table 2, qwen, positive_percent: published 88.8, found 88.170" in str(result)


@needs_simulator
def test_flips_that_keep_every_percentage_are_caught_by_the_votes(full_release: pa.Table) -> None:
    labels = np.asarray(full_release["label"]).copy()
    captioners = np.asarray(full_release["captioner"].to_pylist())
    for label in (CORRECT, INCORRECT):
        labels[
            np.flatnonzero((captioners == "llava") & (np.asarray(full_release["label"]) == label))[:50]
        ] ^= 1
    result = verify(replaced(full_release, "label", labels))
    assert differing(result) == {(TOTAL, "contradicted labels")}
    assert result.checks[-1].found == 100


@needs_simulator
def test_changed_votes_are_named(full_release: pa.Table) -> None:
    votes = full_release["votes"].to_pylist()
    captioners = full_release["captioner"].to_pylist()
    unanimous = [at for at, vote in enumerate(votes) if captioners[at] == "cogvlm" and vote["correct"] == 3][
        :50
    ]
    for at in unanimous:
        votes[at] = {"correct": 2, "incorrect": 1, "unknown": 0}
    result = verify(replaced(full_release, "votes", votes))
    assert {("cogvlm", "P_bar"), ("cogvlm", "kappa")} <= differing(result)


@needs_simulator
def test_small_release_differs_in_every_count(tmp_path: Path) -> None:
    result = verify(rows_of(simulate(tmp_path, "--scale", "0.01")))
    assert not result.ok
    counts = {name for name, figure in differing(result) if figure == "sentences"}
    assert counts == set(published()[TABLE2]["sentences"])
    assert ("sd", "N_items") in differing(result)


def test_published_tables_are_complete_and_add_up() -> None:
    table2, agreement = published()[TABLE2], published()[FLEISS]
    counts = dict(table2["sentences"])
    total = counts.pop(TOTAL)
    assert sum(counts.values()) == total == 89_473
    assert agreement["N_items"][TOTAL] == 117_261
    assert all(table2[figure].keys() == {*counts, TOTAL} for figure in table2)
    for name in counts:
        p_bar, p_e = agreement["P_bar"][name], agreement["P_e"][name]
        assert agreement["kappa"][name] == pytest.approx((p_bar - p_e) / (1 - p_e), abs=1e-12)
    share = sum(counts[name] * table2["positive_percent"][name] for name in counts) / total
    assert share == pytest.approx(table2["positive_percent"][TOTAL], abs=0.1)


def test_table2_figures_by_hand() -> None:
    found = figures_of(small_table(LABELS))[TABLE2]
    assert found["sentences"] == {"a": 5, "sd": 3, TOTAL: 8}
    assert found["sentences_per_image"] == {"a": 5 / 2, "sd": 3 / 2, TOTAL: 8 / 4}
    assert found["positive_percent"] == {"a": 60, "sd": pytest.approx(100 / 3), TOTAL: 50}
    assert found["words_per_sentence"] == {"a": 2, "sd": 2, TOTAL: 2}


def test_images_without_a_labelled_sentence_do_not_count() -> None:
    table = small_table({"a": [1, 2, 1, 2], "sd": [1, 1]})
    assert figures_of(table)[TABLE2]["sentences_per_image"]["a"] == 2


@given(
    st.lists(
        st.tuples(*[st.integers(0, 4)] * 3).filter(lambda votes: sum(votes) >= 2), min_size=1, max_size=12
    )
)
def test_fleiss_is_pairwise_agreement_beyond_chance(items: list[tuple[int, int, int]]) -> None:
    votes = np.array(items)
    groups = np.zeros(len(items), int)
    found = fleiss(groups, votes, np.ones(len(items), bool), ["a"])
    agreeing = []
    for item in items:
        raters = [category for category, count in enumerate(item) for _ in range(count)]
        pairs = list(itertools.combinations(raters, 2))
        agreeing.append(Fraction(sum(one == other for one, other in pairs), len(pairs)))
    p_bar = sum(agreeing) / len(items)
    p_e = sum(Fraction(int(count), int(votes.sum())) ** 2 for count in votes.sum(axis=0))
    assert found["P_bar"]["a"] == pytest.approx(float(p_bar))
    assert found["P_e"]["a"] == pytest.approx(float(p_e))
    if p_e < 1:
        assert found["kappa"]["a"] == pytest.approx(float((p_bar - p_e) / (1 - p_e)))
    else:
        assert "a" not in found["kappa"]


@given(st.lists(st.text(alphabet="ab \t\n\u00a0\u3000é😀"), min_size=1))
def test_words_are_those_of_str_split(sentences: list[str]) -> None:
    counts = word_counts(pa.chunked_array([sentences], pa.string()))
    assert counts.tolist() == [len(sentence.split()) for sentence in sentences]


def test_votes_that_are_null_count_as_none_and_are_noted() -> None:
    kind = pa.struct([(name, pa.int32()) for name in ("correct", "incorrect", "unknown")])
    votes = pa.array([None, {"correct": 2, "incorrect": None, "unknown": 0}, *[{"correct": 3}] * 8], kind)
    assert vote_counts(pa.chunked_array([votes]))[:2].tolist() == [[0, 0, 0], [2, 0, 0]]
    table = small_table(LABELS)
    table = table.set_column(table.schema.get_field_index("votes"), "votes", votes)
    result = verify(table, EVERYTHING)
    assert "rows with fewer than two votes, left out of Fleiss' figures: 1." in str(result)


def test_release_without_any_votes_says_nothing_of_agreement() -> None:
    table = small_table(LABELS)
    kind = table.schema.field("votes").type
    result = verify(table.set_column(4, "votes", pa.nulls(table.num_rows, kind)), EVERYTHING)
    assert {check.found for check in result.checks if check.figure == "kappa"} == {None}
    assert "found nothing" in str(result)


def test_tie_must_be_unknown_and_a_majority_must_be_the_label() -> None:
    table = small_table({"a": [CORRECT, INCORRECT, UNKNOWN, UNKNOWN], "sd": [CORRECT]})
    votes = [(2, 1, 0), (2, 1, 0), (2, 2, 0), (0, 3, 0), (2, 2, 1)]
    names = ("correct", "incorrect", "unknown")
    table = replaced(table, "votes", [dict(zip(names, vote, strict=True)) for vote in votes])
    assert verify(table, EVERYTHING).checks[-1].found == 3


@pytest.mark.parametrize(("shift", "agrees"), [(0.05, True), (0.06, False), (-0.1, True), (-0.11, False)])
def test_table_2_may_be_rounded_to_the_nearest_or_down(shift: float, agrees: bool) -> None:
    table = small_table(LABELS)
    figures = figures_of(table)
    figures[TABLE2]["positive_percent"]["a"] += shift
    assert differing(verify(table, figures)) == (set() if agrees else {("a", "positive_percent")})


@pytest.mark.parametrize(("shift", "agrees"), [(5e-5, True), (6e-5, False), (-5e-5, True), (-6e-5, False)])
def test_agreement_of_annotators_is_compared_to_four_decimals(shift: float, agrees: bool) -> None:
    table = small_table(LABELS)
    figures = figures_of(table)
    figures[FLEISS]["P_bar"]["a"] += shift
    assert differing(verify(table, figures)) == (set() if agrees else {("a", "P_bar")})


def test_counts_of_four_digits_leave_the_fifth_open_and_other_counts_are_exact() -> None:
    counts = {"a": 17610.0, "b": 12790.0, "sd": 2417.0, TOTAL: 32817.0}
    table2 = [module.rounding(TABLE2, "sentences", counts, name) for name in counts]
    assert table2 == [(5, 5), (5, 5), (0, 0), (10, 10)]
    assert {module.rounding(FLEISS, "N_items", counts, name) for name in counts} == {(0, 0)}


def test_release_that_agrees_with_table_2_on_sd_is_excused_from_the_other_count() -> None:
    table = small_table(LABELS)
    figures = figures_of(table)
    for name in ("sd", TOTAL):
        figures[FLEISS]["N_items"][name] += 100
    result = verify(table, figures)
    assert result.ok
    assert known(result) == {("sd", "N_items"), (TOTAL, "N_items")}


def test_release_that_agrees_with_the_fleiss_file_on_sd_is_excused_from_table_2() -> None:
    table = small_table(LABELS)
    figures = figures_of(table)
    for figure, name in itertools.product(figures[TABLE2], ("sd", TOTAL)):
        figures[TABLE2][figure][name] += 1
    result = verify(table, figures)
    assert result.ok
    assert known(result) == {(name, figure) for name in ("sd", TOTAL) for figure in figures[TABLE2]}


def test_release_that_agrees_with_neither_source_on_sd_is_not_excused() -> None:
    table = small_table(LABELS)
    figures = figures_of(table)
    figures[FLEISS]["N_items"]["sd"] += 100
    figures[TABLE2]["sentences"]["sd"] += 1
    assert differing(verify(table, figures)) == {("sd", "N_items"), ("sd", "sentences")}


def test_total_is_not_excused_where_another_captioner_differs() -> None:
    table = small_table(LABELS)
    figures = figures_of(table)
    for name in ("a", "sd", TOTAL):
        figures[FLEISS]["N_items"][name] += 1
    assert differing(verify(table, figures)) == {("a", "N_items"), (TOTAL, "N_items")}


def test_missing_and_new_captioners_are_named() -> None:
    result = verify(small_table({"gpt9": [1, 0]}))
    assert not result.ok
    assert "no published figures for gpt9" in str(result)
    assert "Table 2, sharegpt, sentences: published 17,610, found nothing" in str(result)


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")


def run(*arguments: str) -> int:
    parser = argparse.ArgumentParser()
    module.add_parser(parser.add_subparsers())
    args = parser.parse_args(["verify", *arguments])
    return args.run(args)


@needs_simulator
@pytest.mark.usefixtures("own_cache")
def test_command_prints_both_sides_and_exits_with_0(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = simulate(tmp_path / "release", "--string-style", "python-repr", "--label-style", "int")
    assert run("--data-dir", str(folder)) == 0
    out = capsys.readouterr().out
    assert "17,610 | 17,610" in out
    assert "22,005 | 2,717~" in out
    assert "97,973 rows" in out
    assert run("--data-dir", str(folder), "--captioners", "qwen", "cogvlm") == 0
    out = capsys.readouterr().out
    assert "15,790 | 15,790" in out
    assert "Total  " in out.split("Labels that are not")[1]
    assert "sharegpt" not in out


@pytest.mark.usefixtures("own_cache")
def test_command_exits_with_1_where_a_figure_differs(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--data-dir", str(Path(__file__).parent.parent / "sample")) == 1
    assert "Differ by more than rounding (!):" in capsys.readouterr().out
