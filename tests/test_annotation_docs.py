"""The guidelines say what the labelling page says, and their examples are those of the sample."""

import re
from pathlib import Path

import pytest

import alignbench
from alignbench import HALLUCINATION_TYPES
from alignbench_tools.__main__ import parser
from alignbench_tools.annotation import labelling

ROOT = Path(__file__).resolve().parents[1]
DOCS = (ROOT / "docs" / "annotation.md").read_text(encoding="utf-8")
EXAMPLES = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in DOCS.splitlines()
    if "<img" in line and line.startswith("|")
]


def test_meanings_are_those_of_the_labelling_page() -> None:
    for name, meaning in {**labelling.CHOICE_MEANINGS, **labelling.TYPE_MEANINGS}.items():
        assert f"| **{name}** | {meaning} |" in DOCS
    assert [cells[0].strip("*") for cells in EXAMPLES] == list(HALLUCINATION_TYPES)


def test_every_example_is_a_sentence_of_the_sample_with_its_words_and_type() -> None:
    table, _ = alignbench.read(ROOT / "sample")
    rows = {(row["image_id"], row["sentence"]): row for row in table.to_pylist()}
    for kind, _, picture, sentence, _ in EXAMPLES:
        path = ROOT / "docs" / re.search(r'src="([^"]+)"', picture)[1]
        row = rows[path.stem, sentence.replace("**", "")]
        words = re.findall(r"\*\*(.+?)\*\*", sentence)
        spans = [(span["text"], HALLUCINATION_TYPES[span["type"]]) for span in row["spans"]]
        assert spans == [(word, kind.strip("*")) for word in words]
        assert path.is_file()


def test_rules_of_the_page_are_in_the_guidelines() -> None:
    text = " ".join(DOCS.split())
    for rule in re.findall(r"<li>([^<]+)</li>", labelling.instructions()):
        assert rule in text, rule


def test_every_command_of_the_page_parses() -> None:
    commands = re.findall(r"^    alignbench (.+)$", DOCS, re.MULTILINE)
    assert len(commands) >= 7
    for command in commands:
        parser().parse_args(command.split())


@pytest.mark.parametrize("action", ["export", "push", "import", "adjudicate", "merge"])
def test_every_action_explains_itself(action: str, capsys) -> None:
    with pytest.raises(SystemExit) as stopped:
        parser().parse_args(["annotate", action, "--help"])
    assert stopped.value.code == 0
    assert "usage: alignbench annotate" in capsys.readouterr().out
