"""The embedded sample is what its script draws, and shows everything that a release can hold."""

import json
import re
import shutil
import subprocess
import sys
from collections import Counter, defaultdict
from pathlib import Path

import pytest
from PIL import Image

SAMPLE = Path(__file__).parent.parent / "sample"
TYPES = {"Attribute", "Object", "Number", "Location", "Direction", "Relation", "Text", "Illusion", "Other"}
COLUMNS = (
    "model, image_source, image_name, image_type, sentence_index, caption, annotation, error_type, "
    "error_words, agreement_ratio, fleiss_Pi, n_correct, n_incorrect, n_unknown, image_url, "
    "image_path_in_repo"
).split(", ")


@pytest.fixture(scope="module")
def rows() -> list[dict]:
    lines = (SAMPLE / "halcap_bench.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


@pytest.fixture(scope="module")
def redrawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the script and its sources, without its output, after a run."""
    folder = tmp_path_factory.mktemp("sample")
    for source in [*SAMPLE.glob("*.py"), SAMPLE / "captions.txt"]:
        shutil.copy(source, folder)
    subprocess.run([sys.executable, "-B", folder / "draw.py"], check=True, cwd=folder, capture_output=True)
    return folder


def pictures(folder: Path) -> dict[str, Path]:
    return {str(path.relative_to(folder)): path for path in folder.rglob("*.png")}


def votes(row: dict) -> list[int]:
    return [row["n_correct"], row["n_incorrect"], row["n_unknown"]]


@pytest.mark.smoke
def test_script_draws_the_committed_pictures_pixel_by_pixel(redrawn: Path) -> None:
    drawn, committed = pictures(redrawn), pictures(SAMPLE)
    assert drawn.keys() == committed.keys()
    for name, path in drawn.items():
        with Image.open(path) as ours, Image.open(committed[name]) as theirs:
            assert (ours.mode, ours.size) == (theirs.mode, theirs.size)
            assert ours.tobytes() == theirs.tobytes(), name


@pytest.mark.smoke
def test_script_writes_the_committed_sentences_byte_by_byte(redrawn: Path) -> None:
    name = "halcap_bench.jsonl"
    assert (redrawn / name).read_bytes() == (SAMPLE / name).read_bytes()


def test_script_writes_nothing_but_pictures_and_sentences(redrawn: Path) -> None:
    sources = {path.name for path in SAMPLE.glob("*.py")} | {"captions.txt"}
    files = {str(path.relative_to(redrawn)) for path in redrawn.rglob("*") if path.is_file()}
    assert files == sources | set(pictures(SAMPLE)) | {"halcap_bench.jsonl"}


def test_rows_have_the_columns_of_a_release(rows: list[dict]) -> None:
    assert {tuple(row) for row in rows} == {tuple(COLUMNS)}


def test_sample_is_small_and_has_enough_pictures(rows: list[dict]) -> None:
    named = {row["image_path_in_repo"] for row in rows}
    assert named == set(pictures(SAMPLE))
    assert len(named) >= 16
    assert len({row["image_name"] for row in rows}) == len(named)
    assert len({path.read_bytes() for path in pictures(SAMPLE).values()}) == len(named)
    assert sum(path.stat().st_size for path in SAMPLE.rglob("*") if path.is_file()) < 500_000


def test_only_the_generators_pictures_are_under_data_generation(rows: list[dict]) -> None:
    generated = {
        row["model"] for row in rows if row["image_path_in_repo"].startswith("images/data_generation/")
    }
    drawn = {row["model"] for row in rows if row["image_path_in_repo"].startswith("images/drawn/")}
    assert generated == {"dune"}
    assert drawn == {"atlas", "birch", "cedar"}


def test_captions_have_three_to_five_sentences_in_order(rows: list[dict]) -> None:
    captions = defaultdict(list)
    for row in rows:
        captions[row["model"], row["image_name"]].append(row["sentence_index"])
    assert all(positions == list(range(len(positions))) for positions in captions.values())
    assert {len(positions) for positions in captions.values()} <= {3, 4, 5}
    described_by = Counter(picture for _, picture in captions)
    assert sum(count >= 2 for count in described_by.values()) >= 16


def test_every_captioner_has_both_labels_so_that_its_auroc_is_defined(rows: list[dict]) -> None:
    labels = defaultdict(Counter)
    for row in rows:
        labels[row["model"]][row["annotation"]] += 1
    assert all(counts["correct"] > 10 and counts["incorrect"] > 5 for counts in labels.values())
    assert sum(counts["unknown"] for counts in labels.values()) >= 5


def test_every_hallucination_type_occurs_at_least_twice(rows: list[dict]) -> None:
    counts = Counter(kind for row in rows if row["error_type"] for kind in row["error_type"].split("; "))
    assert counts.keys() == TYPES
    assert min(counts.values()) >= 2


def test_wrong_phrases_are_in_incorrect_sentences_letter_by_letter(rows: list[dict]) -> None:
    for row in rows:
        assert bool(row["error_words"]) == bool(row["error_type"]) == (row["annotation"] == "incorrect"), row
        for phrase, count in Counter(row["error_words"]).items():
            assert row["caption"].count(phrase) >= count, row


def test_in_order_whole_word_search_finds_the_phrases_that_were_marked(rows: list[dict]) -> None:
    """A release names phrases without offsets: nothing in the sample may hang on a lucky guess."""
    marked = {}
    for line in (SAMPLE / "captions.txt").read_text(encoding="utf-8").split("\n= ", 1)[1].splitlines():
        text, starts, removed = line.partition(" ")[2], [], 0
        for match in re.finditer(r"\{(\w+): ([^{}]+)\}", text):
            starts.append(match.start() - removed)
            removed += len(match.group(0)) - len(match.group(2))
        if starts:
            marked[re.sub(r"\{\w+: ([^{}]+)\}", r"\1", text)] = starts
    wrong = {row["caption"]: row["error_words"] for row in rows if row["error_words"]}
    assert wrong.keys() == marked.keys()
    for sentence, phrases in wrong.items():
        found, at = [], 0
        for phrase in phrases:
            match = re.compile(rf"(?<!\w){re.escape(phrase)}(?!\w)").search(sentence, at)
            found, at = [*found, match.start()], match.end()
        assert found == marked[sentence]


def test_hard_cases_for_span_search_are_there(rows: list[dict]) -> None:
    wrong = [row for row in rows if row["error_words"]]
    assert sum(";" in row["error_type"] for row in wrong) >= 3
    assert any(len(row["error_words"]) > len(set(row["error_words"])) for row in wrong)
    assert any(row["caption"].count(row["error_words"][0]) > len(row["error_words"]) for row in wrong)
    before = [row["caption"][: row["caption"].index(row["error_words"][0])] for row in wrong]
    assert any("“" in text for text in before)
    assert any(ord(max(text)) > 0xFFFF for text in before if text)
    assert any(row["error_words"] == ["man"] and "woman" in row["caption"] for row in wrong)


def test_labels_follow_the_votes_and_ties_are_unknown(rows: list[dict]) -> None:
    for row in rows:
        most = max(votes(row))
        winners = [
            name for name, n in zip(("correct", "incorrect", "unknown"), votes(row), strict=True) if n == most
        ]
        assert row["annotation"] == (winners[0] if len(winners) == 1 else "unknown"), row
        assert 3 <= sum(votes(row)) <= 5
    assert any(sum(n > 0 for n in votes(row)) > 1 for row in rows)


def test_agreement_and_fleiss_pi_are_those_of_the_votes(rows: list[dict]) -> None:
    for row in rows:
        raters = [name for name, n in enumerate(votes(row)) for _ in range(n)]
        pairs = [(a, b) for i, a in enumerate(raters) for j, b in enumerate(raters) if i != j]
        assert row["fleiss_Pi"] == pytest.approx(sum(a == b for a, b in pairs) / len(pairs))
        assert row["agreement_ratio"] == pytest.approx(max(votes(row)) / len(raters))


def test_a_slip_in_the_captions_is_named_with_its_line(redrawn: Path, tmp_path: Path) -> None:
    for source in redrawn.glob("*.py"):
        shutil.copy(source, tmp_path)
    (tmp_path / "captions.txt").write_text("= harbour | Vehicle\n@ atlas\n0-3 The sea is red.\n")
    done = subprocess.run([sys.executable, "-B", tmp_path / "draw.py"], capture_output=True, text=True)
    assert done.returncode != 0
    assert "line 3: wrong phrases are for incorrect sentences" in done.stderr
