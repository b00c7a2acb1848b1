"""Import: from exports to a release that `load_dataset` reads; adjudication."""

import json
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from annotating import answer, record, task, write_collection
from releases import read_lines

import alignbench
from alignbench_tools.__main__ import main
from alignbench_tools.annotation import agreement
from alignbench_tools.annotation.exports import ballots, read_file
from alignbench_tools.annotation.items import Item, Round

DATA = Path(__file__).parent / "data" / "label_studio"


@pytest.fixture
def first(tmp_path: Path) -> Path:
    """A round of nine sentences, three on each of three pictures, two votes each."""
    collection = write_collection(tmp_path / "collection", *(record(n) for n in range(3)))
    command = ["annotate", "export", str(collection), "--votes", "2", "--out", str(tmp_path / "round1")]
    assert main(command) == 0
    return tmp_path / "round1"


@pytest.fixture
def items(first: Path) -> list[Item]:
    return list(Round.read(first).items.values())


def export(path: Path, *tasks: dict) -> str:
    path.write_text(json.dumps(tasks), encoding="utf-8")
    return str(path)


def agreed(items: list[Item], choice: str = "correct") -> list[dict]:
    return [task(item, answer(choice, by=1), answer(choice, by=2)) for item in items]


def run_import(first: Path, *exports: str, out: Path, options: tuple[str, ...] = ()) -> int:
    return main(["annotate", "import", str(first), *exports, "--out", str(out), *options])


# --- import ----------------------------------------------------------------------------------


def test_release_loads_with_pictures_labels_spans_and_whole_captions(first, items, tmp_path, load) -> None:
    wrong = answer("incorrect", (2, 5, "Two", "Number"), by=1), answer("incorrect", by=2)
    tasks = agreed(items)
    start = items[1].sentence.index("dog")
    mark = (start, start + 3, "dog", "Object")
    tasks[1] = task(items[1], answer("incorrect", mark, by=1), answer("incorrect", mark, by=2))
    tasks[3] = task(items[3], *wrong)
    tasks[4] = task(items[4], answer("correct", by=1), answer("incorrect", mark, by=2))
    assert run_import(first, export(tmp_path / "e.json", *tasks), out=tmp_path / "release") == 0
    rows = load(tmp_path / "release")
    assert [rows.features["label"].int2str(label) for label in rows["label"]] == [
        "correct", "incorrect", "correct", "incorrect", "unknown", "correct", "correct", "correct", "correct",
    ]  # fmt: skip
    assert rows[1]["spans"] == [{"start": 2, "end": 5, "text": "dog", "type": 1}]
    assert rows[1]["caption"] == record()["caption"]
    assert rows[1]["votes"] == {"correct": 0, "incorrect": 2, "unknown": 0}
    assert rows[3]["spans"] == []
    assert rows[0]["image"].size == (8, 8)
    assert rows[0]["domain"] == "Street"
    assert alignbench.report(rows).counts() == {"missing_field": 2}


def test_account_counts_votes_agreement_and_gold(tmp_path, capsys) -> None:
    collection = write_collection(tmp_path / "c", record(0))
    command = ["annotate", "export", str(collection), "--votes", "2", "--gold", "sample", "--gold-count", "4"]
    assert main([*command, "--out", str(tmp_path / "round")]) == 0
    tasks = []
    for item in Round.read(tmp_path / "round").items.values():
        tasks.append(task(item, answer(item.gold or "correct", by=1), answer("correct", by=2)))
    out = tmp_path / "release"
    assert run_import(tmp_path / "round", export(tmp_path / "e.json", *tasks), out=out) == 0
    account = json.loads((out / "annotation.json").read_text())
    one, two = (agreement.Annotator(**record) for record in account["annotators"])
    assert (one.gold, one.gold_right, two.gold, two.gold_right) == (4, 4, 4, 2)
    assert one.agreement == two.agreement == pytest.approx(5 / 7)
    assert account["sentences"] == len(read_lines(out)) == 3
    assert {line["model"] for line in read_lines(out)} == {"newmodel"}
    assert "2 of 4" in capsys.readouterr().out


def test_unfinished_sentence_leaves_its_whole_caption_out(first, items, tmp_path, capsys) -> None:
    tasks = agreed(items)
    tasks[4] = task(items[4], answer("correct", by=1))
    assert run_import(first, export(tmp_path / "e.json", *tasks), out=tmp_path / "release") == 0
    assert {line["image_name"] for line in read_lines(tmp_path / "release")} == {"p0", "p2"}
    assert "unfinished: 1; left out with their captions: 3" in capsys.readouterr().out


def test_partial_keeps_the_caption_and_says_nothing_of_the_unfinished_sentence(
    first, items, tmp_path, load
) -> None:
    tasks = agreed(items)
    tasks[4] = task(items[4], answer("correct", by=1))
    path = export(tmp_path / "e.json", *tasks)
    assert run_import(first, path, out=tmp_path / "release", options=("--partial",)) == 0
    rows = load(tmp_path / "release")
    assert rows.num_rows == 9
    assert rows[4]["label"] == alignbench.LABELS.index("unknown")
    assert sum(rows[4]["votes"].values()) == 0


def test_min_votes_says_how_many_make_a_sentence_finished(first, items, tmp_path) -> None:
    path = export(tmp_path / "e.json", *(task(item, answer("correct", by=1)) for item in items))
    assert run_import(first, path, out=tmp_path / "release") == 1
    assert run_import(first, path, out=tmp_path / "release", options=("--min-votes", "1")) == 0
    assert len(read_lines(tmp_path / "release")) == 9


def test_import_never_overwrites_and_leaves_nothing_half_done(first, items, tmp_path, capsys) -> None:
    path = export(tmp_path / "e.json", *agreed(items))
    before = sorted(p.name for p in tmp_path.iterdir())
    (first / "images" / "1.png").rename(tmp_path / "aside.png")
    assert run_import(first, path, out=tmp_path / "release") == 1
    (tmp_path / "aside.png").rename(first / "images" / "1.png")
    assert sorted(p.name for p in tmp_path.iterdir()) == before
    assert run_import(first, path, out=tmp_path / "release") == 0
    assert run_import(first, path, out=tmp_path / "release") == 1
    assert "exists" in capsys.readouterr().err


def test_killed_import_leaves_no_release_and_the_next_one_makes_it(first, items, tmp_path) -> None:
    path = export(tmp_path / "e.json", *agreed(items))
    code = (
        "import os, signal, sys; from alignbench_tools.annotation import account;"
        "from alignbench_tools.__main__ import main;"
        "account.place_pictures = lambda *_: os.kill(os.getpid(), signal.SIGKILL);"
        "main(['annotate', 'import', *sys.argv[1:]])"
    )
    command = [sys.executable, "-c", code, str(first), path, "--out", str(tmp_path / "release")]
    assert subprocess.run(command).returncode == -signal.SIGKILL
    assert not (tmp_path / "release").exists()
    assert run_import(first, path, out=tmp_path / "release") == 0
    assert len(read_lines(tmp_path / "release")) == 9


def test_record_of_how_captions_were_made_goes_into_the_release(first, items, tmp_path) -> None:
    assert run_import(first, export(tmp_path / "e.json", *agreed(items)), out=tmp_path / "release") == 0
    made = (tmp_path / "collection" / "captions.jsonl").read_bytes()
    assert (tmp_path / "release" / "captions.jsonl").read_bytes() == made


def test_export_of_another_project_is_an_error_that_says_so(first, items, tmp_path, capsys) -> None:
    path = export(tmp_path / "e.json", task(items[0], answer("correct"), key="0"))
    assert run_import(first, path, out=tmp_path / "release") == 1
    error = capsys.readouterr().err
    assert "no vote on a sentence" in error
    assert "foreign_task: 1" in error


def test_votes_file_has_every_vote_and_no_address_of_an_annotator(first, items, tmp_path) -> None:
    account = {"id": 2, "email": "someone@example.org"}
    tasks = [task(item, answer("correct", by=1), answer("correct", by=account)) for item in items]
    assert run_import(first, export(tmp_path / "e.json", *tasks), out=tmp_path / "release") == 0
    text = (tmp_path / "release" / "votes.jsonl").read_text()
    assert len(text.splitlines()) == 18
    written_by = Counter(json.loads(line)["annotator"] for line in text.splitlines())
    assert written_by == {"1": 9, "2": 9}
    for file in (tmp_path / "release").iterdir():
        assert file.is_dir() or b"example.org" not in file.read_bytes()


def test_import_by_dawid_skene_says_so_and_names_every_label_that_it_overrules(
    first, items, tmp_path
) -> None:
    pytest.importorskip("crowdkit", reason="needs crowd-kit (pip install 'alignbench[annotation]')")
    # Two careful annotators and three who say incorrect of everything.
    said = [
        "correct",
        "incorrect",
        "correct",
        "incorrect",
        "correct",
        "incorrect",
        "correct",
        "correct",
        "incorrect",
    ]
    tasks = [
        task(item, *(answer(choice if by < 2 else "incorrect", by=by) for by in range(5)))
        for item, choice in zip(items, said, strict=True)
    ]
    out = tmp_path / "release"
    path = export(tmp_path / "e.json", *tasks)
    assert run_import(first, path, out=out, options=("--method", "dawid-skene")) == 0
    assert [line["annotation"] for line in read_lines(out)] == said
    assert json.loads((out / "annotation.json").read_text())["method"] == "dawid-skene"
    overruled = [json.loads(line) for line in (out / "overruled.jsonl").read_text().splitlines()]
    assert len(overruled) == said.count("correct")
    assert {(line["majority"], line["by"]) for line in overruled} == {("incorrect", "dawid-skene")}


# --- adjudication ----------------------------------------------------------------------------


@pytest.fixture
def doubtful(first, items, tmp_path) -> str:
    """An export in which the second sentence is tied, and the third is wrong in places without a majority."""
    tasks = agreed(items)
    tasks[1] = task(items[1], answer("correct", by=1), answer("incorrect", (2, 5, "dog", "Object"), by=2))
    left, right = (0, 2, "It", "Other"), (6, 10, "late", "Attribute")
    tasks[2] = task(items[2], answer("incorrect", left, by=1), answer("incorrect", right, by=2))
    return export(tmp_path / "e.json", *tasks)


def test_adjudicators_get_what_is_in_doubt_and_what_was_said(
    first, items, doubtful, tmp_path, capsys
) -> None:
    assert main(["annotate", "adjudicate", str(first), doubtful, "--out", str(tmp_path / "round2")]) == 0
    assert "2 sentences (1 tied label, 1 no common words)" in capsys.readouterr().out
    second = Round.read(tmp_path / "round2")
    assert second.number == 2
    assert second.votes == 1
    assert list(second.items) == [items[1].key, items[2].key]
    data = [given["data"] for given in json.loads((tmp_path / "round2" / "tasks.json").read_text())]
    assert data[0]["said"] == "1 correct, 1 incorrect. Marked: “dog” Object (1x) (tied label)"
    assert [given["round"] for given in data] == [2, 2]
    assert "$said" in (tmp_path / "round2" / "config.xml").read_text()


def test_answer_of_the_adjudicator_overrides_and_votes_stay(first, items, doubtful, tmp_path, load) -> None:
    decisions = export(
        tmp_path / "d.json",
        task(items[1], answer("incorrect", (2, 5, "dog", "Object"), by=9), round=2),
        task(items[2], answer("correct", by=9), round=2),
    )
    for number, order in enumerate([(doubtful, decisions), (decisions, doubtful)]):
        out = tmp_path / f"release{number}"
        assert run_import(first, *order, out=out) == 0
        rows = load(out)
        assert rows["label"][1:3] == [0, 1]
        assert [span["text"] for span in rows[1]["spans"]] == ["dog"]
        assert rows[2]["spans"] == []
        assert rows[1]["votes"] == {"correct": 1, "incorrect": 1, "unknown": 0}
        overruled = [json.loads(line) for line in (out / "overruled.jsonl").read_text().splitlines()]
        assert [(line["id"], line["annotation"], line["majority"]) for line in overruled] == [
            ("newmodel/p0/1", "incorrect", "unknown"),
            ("newmodel/p0/2", "correct", "incorrect"),
        ]
        assert {line["by"] for line in overruled} == {"adjudication"}


def test_verify_takes_a_label_that_an_adjudicator_decided(first, items, doubtful, tmp_path, capsys) -> None:
    decision = task(items[1], answer("incorrect", (2, 5, "dog", "Object"), by=9), round=2)
    release = tmp_path / "release"
    assert run_import(first, doubtful, export(tmp_path / "d.json", decision), out=release) == 0
    command = ["verify", "--data-dir", str(release), "--captioners", "newmodel"]
    assert main(command) == 0
    assert "overruled.jsonl explains, not held against their votes: 1" in capsys.readouterr().out
    (release / "overruled.jsonl").unlink()
    assert main(command) == 1


def test_adjudicators_in_doubt_themselves_make_a_third_round_whose_answer_counts(
    first, items, doubtful, tmp_path
) -> None:
    tied = export(
        tmp_path / "d.json",
        task(items[1], answer("incorrect", by=8), answer("correct", by=9), round=2),
        task(items[2], answer("correct", by=9), round=2),
    )
    assert (
        main(["annotate", "adjudicate", str(first), doubtful, tied, "--out", str(tmp_path / "round3")]) == 0
    )
    third = Round.read(tmp_path / "round3")
    assert third.number == 3
    assert list(third.items) == [items[1].key]
    last = export(tmp_path / "l.json", task(items[1], answer("correct", by=7), round=3))
    assert run_import(first, last, doubtful, tied, out=tmp_path / "release") == 0
    assert [line["annotation"] for line in read_lines(tmp_path / "release")[1:3]] == ["correct", "correct"]


def test_low_agreement_can_be_adjudicated_too(first, items, tmp_path, capsys) -> None:
    said = ("correct", "correct", "incorrect")
    path = export(tmp_path / "e.json", task(items[0], *(answer(c, by=n) for n, c in enumerate(said))))
    command = ["annotate", "adjudicate", str(first), path, "--out", str(tmp_path / "round2")]
    assert main(command) == 0
    assert "nothing is in doubt" in capsys.readouterr().out
    assert not (tmp_path / "round2").exists()
    assert main([*command, "--below", "0.7"]) == 0
    assert "1 sentences (1 low agreement)" in capsys.readouterr().out


# --- a real server's export ------------------------------------------------------------------


def test_export_of_a_real_server_gives_the_votes_that_were_sent() -> None:
    """Made by examples/annotate_with_label_studio.py: what five annotators sent, and what came out."""
    items = Round.read(DATA).items
    sent = json.loads((DATA / "sent.json").read_text())
    found = ballots([read_file(DATA / "export1.json"), read_file(DATA / "export2.json")], items)
    assert found.problems.counts() == {}
    assert len(found.first) == 60
    for key, votes in found.first.items():
        expected = sorted((given[key][0], sorted(map(tuple, given[key][1]))) for given in sent)
        assert sorted((vote.choice, sorted(map(tuple, vote.marks))) for vote in votes) == expected
    assert 0 < len(found.decisions) < 60
