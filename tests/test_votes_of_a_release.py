"""A simulated release taken apart into votes, and put together again."""

import json
from pathlib import Path

import pyarrow as pa
import pytest

import alignbench
from alignbench_tools import verify
from alignbench_tools.annotation import account, outcome
from alignbench_tools.annotation.exports import Ballots, Problems
from alignbench_tools.annotation.items import Item, Round, by_key
from alignbench_tools.annotation.votes import CHOICES, Mark, Vote

COMPARED = (
    "id",
    "image_id",
    "domain",
    "captioner",
    "sentence",
    "label",
    "hallucination_types",
    "spans",
    "votes",
)


def taken_apart(table: pa.Table, paths: dict[str, str]) -> tuple[Round, Ballots]:
    """Items and votes of a release: who objects marks what the release marks."""
    items, votes = [], {}
    for row in table.to_pylist():
        item = Item(
            row["captioner"],
            row["image_source"],
            row["image_id"],
            row["domain"],
            row["position"],
            row["sentence"],
            row["image_url"],
            paths[row["id"]],
        )
        items.append(item)
        marks = tuple(
            Mark(span["start"], span["end"], alignbench.HALLUCINATION_TYPES[span["type"]])
            for span in row["spans"]
        )
        said = [choice for choice in CHOICES for _ in range(row["votes"][choice])]
        votes[item.key] = [
            Vote(str(n), choice, marks if choice == "incorrect" else ()) for n, choice in enumerate(said)
        ]
    return Round(1, 1, "again", by_key(items)), Ballots({1: votes}, Problems())


@pytest.fixture(scope="module")
def release(simulator, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return simulator(tmp_path_factory.mktemp("release"), "--scale", 0.02)


@pytest.fixture(scope="module")
def again(release: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    table, _ = alignbench.read(release)
    # This release has no files of pictures: all of them by their address.
    judging, ballots = taken_apart(table, dict.fromkeys(table["id"].to_pylist()))
    out = tmp_path_factory.mktemp("again") / "release"
    account.write(out, release, judging, ballots, outcome.decide(judging, ballots), "majority")
    return out


def test_release_from_its_own_votes_has_the_same_rows(release: Path, again: Path) -> None:
    before, after = (alignbench.read(folder)[0] for folder in (release, again))
    for name in COMPARED:
        assert after[name].to_pylist() == before[name].to_pylist(), name
    assert after["agreement"].to_pylist() == pytest.approx(before["agreement"].to_pylist())
    assert after["fleiss_pi"].to_pylist() == pytest.approx(before["fleiss_pi"].to_pylist())


def test_release_from_its_own_votes_has_the_published_columns_in_order(release: Path, again: Path) -> None:
    first = [json.loads((folder / "halcap_bench.jsonl").open().readline()) for folder in (release, again)]
    assert list(first[1]) == list(first[0])
    assert set(first[1]) == set(alignbench.COLUMNS)


def test_kappa_file_is_that_of_the_release(release: Path, again: Path) -> None:
    def figures(folder: Path) -> dict[str, list[float]]:
        head, *lines = (folder / "fleiss_by_model.csv").read_text().splitlines()
        assert head == "model,N_items,kappa,P_bar,P_e"
        return {line.split(",")[0]: [float(x) for x in line.split(",")[1:]] for line in lines}

    published, found = figures(release), figures(again)
    assert list(found) == list(published)
    for model, values in published.items():
        assert found[model] == pytest.approx(values, abs=1e-9), model


def test_no_label_contradicts_its_votes(again: Path) -> None:
    checks = verify.verify(alignbench.read(again)[0]).checks
    (contradictions,) = [check for check in checks if check.source == verify.VOTING]
    assert contradictions.found == 0
