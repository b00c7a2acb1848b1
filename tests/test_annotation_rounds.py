"""From a collection to a project: what annotators see, what they must not, and a push that may be killed."""

import itertools
import json
import os
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from annotating import TOKEN, LabelStudioStub, cut, record, write_collection
from filelock import FileLock

from alignbench import HALLUCINATION_TYPES
from alignbench_tools.__main__ import main
from alignbench_tools.annotation import label_studio, labelling, rounds, sources
from alignbench_tools.annotation.items import Round
from alignbench_tools.annotation.label_studio import LabelStudio, LabelStudioError, project_number


@pytest.fixture
def collection(tmp_path: Path) -> Path:
    return write_collection(tmp_path / "collection", *(record(n) for n in range(3)))


@pytest.fixture
def first(collection: Path, tmp_path: Path) -> Path:
    assert main(["annotate", "export", str(collection), "--out", str(tmp_path / "round1")]) == 0
    return tmp_path / "round1"


@pytest.fixture
def studio(serve, monkeypatch: pytest.MonkeyPatch):
    server = serve(handler=LabelStudioStub)
    server.projects, server.fail, server.accepted = [], {}, f"Token {TOKEN}"
    server.numbers = itertools.count(1)
    monkeypatch.setenv(label_studio.TOKEN_VARIABLE, TOKEN)
    monkeypatch.setattr(label_studio.time, "sleep", lambda _: None)
    return server


def keys(studio) -> list[str]:
    return [task["data"]["key"] for project in studio.projects for task in project["tasks"]]


def run_push(studio, folder: Path) -> int:
    return main(["annotate", "push", studio.url, str(folder)])


# --- what is written -------------------------------------------------------------------------


def test_task_shows_the_sentence_in_its_caption_and_the_picture(first: Path) -> None:
    tasks = list(rounds.read_tasks(first))
    assert json.loads((first / "tasks.json").read_text()) == tasks
    assert len(tasks) == 9
    data = tasks[1]["data"]
    assert (data["before"], data["sentence"], data["after"]) == (
        "😀 Two red cars stand here. ",
        "A dog sits on a wall.",
        " It is late.",
    )
    assert data["image"].startswith("data:image/png;base64,iVBOR")


def test_tasks_tell_neither_the_captioner_nor_which_sentences_are_gold(
    collection: Path, tmp_path: Path
) -> None:
    command = ["annotate", "export", str(collection), "--gold", "sample", "--gold-count", "6"]
    assert main([*command, "--out", str(tmp_path / "round")]) == 0
    tasks = list(rounds.read_tasks(tmp_path / "round"))
    assert {tuple(task["data"]) for task in tasks} == {
        ("key", "round", "image", "before", "sentence", "after")
    }
    text = (tmp_path / "round" / "tasks.json").read_text()
    assert not [word for word in ("newmodel", "atlas", "gold") if word in text.replace(";base64,", "")]
    judging = Round.read(tmp_path / "round")
    gold = [item for item in judging.items.values() if item.gold]
    assert len(judging.items) == 9 + 6
    assert sorted(item.gold for item in gold) == ["correct"] * 3 + ["incorrect"] * 3
    places = [bool(item.gold) for item in judging.items.values()]
    assert places != sorted(places)


def test_labelling_config_has_the_three_choices_and_every_type(first: Path) -> None:
    root = ET.parse(first / "config.xml").getroot()
    assert [choice.get("value") for choice in root.iter("Choice")] == ["correct", "incorrect", "unknown"]
    assert [label.get("value") for label in root.iter("Label")] == list(HALLUCINATION_TYPES)
    shown = {tag.get("value") for tag in root.iter() if (tag.get("value") or "").startswith("$")}
    assert shown == {"$image", "$before", "$sentence", "$after"}
    assert {tag.get("toName") for tag in root.iter() if tag.get("toName")} == {"sentence"}
    assert len({key for tag in root.iter() if (key := tag.get("hotkey"))}) == 3 + len(HALLUCINATION_TYPES)


def test_every_type_has_a_meaning_and_the_instructions_say_them_all() -> None:
    assert tuple(labelling.TYPE_MEANINGS) == HALLUCINATION_TYPES
    for meaning in (*labelling.TYPE_MEANINGS.values(), *labelling.CHOICE_MEANINGS.values()):
        assert meaning in labelling.instructions()


def test_image_prefix_replaces_embedding(collection: Path, tmp_path: Path) -> None:
    options = ["--image-prefix", "https://pictures.example/round/", "--out", str(tmp_path / "round")]
    assert main(["annotate", "export", str(collection), *options]) == 0
    images = {task["data"]["image"] for task in rounds.read_tasks(tmp_path / "round")}
    assert images == {f"https://pictures.example/round/images/{n}.png" for n in range(3)}
    assert sorted(path.name for path in (tmp_path / "round" / "images").iterdir()) == [
        "0.png",
        "1.png",
        "2.png",
    ]


def test_picture_with_an_address_is_shown_from_there(tmp_path: Path) -> None:
    collection = write_collection(tmp_path / "c", record(image="https://pictures.example/0.jpg"))
    assert main(["annotate", "export", str(collection), "--out", str(tmp_path / "round")]) == 0
    assert {t["data"]["image"] for t in rounds.read_tasks(tmp_path / "round")} == {
        "https://pictures.example/0.jpg"
    }


def test_caption_without_sentences_is_counted_and_left_out(tmp_path: Path, capsys) -> None:
    refused = record(1, caption="", sentences=[], status="refused")
    collection = write_collection(tmp_path / "c", record(0), refused)
    assert main(["annotate", "export", str(collection), "--out", str(tmp_path / "round")]) == 0
    assert "refused or empty), left out: 1" in capsys.readouterr().out


def test_cut_that_is_not_the_captions_is_an_error_that_names_line_and_sentence(tmp_path: Path) -> None:
    collection = write_collection(
        tmp_path / "c", record(0), record(1, caption="Another text entirely, longer.")
    )
    with pytest.raises(ValueError, match=r"captions\.jsonl, line 2: sentence 0 is cut at 0 to 26"):
        sources.read_collection(collection)


@pytest.mark.parametrize(
    "cuts", [["It"], [{"start": 0, "end": 2}], [{"start": None, "end": 2, "text": "It"}], [[1, 2]]]
)
def test_sentences_that_are_no_cuts_are_an_error_that_names_the_line(tmp_path: Path, cuts) -> None:
    collection = write_collection(tmp_path / "c", record(0, sentences=cuts))
    with pytest.raises(
        ValueError, match=r"captions\.jsonl, line 1: expected sentences of start, end and text"
    ):
        sources.read_collection(collection)


@pytest.mark.parametrize("name", ["round.json", "items.jsonl"])
def test_damaged_round_is_an_error_that_says_what_to_do(first: Path, name: str) -> None:
    (first / name).write_text('{"model": "x"}\n')
    with pytest.raises(ValueError, match="restore the folder"):
        Round.read(first)


def test_sentence_that_is_there_twice_is_an_error(tmp_path: Path, capsys) -> None:
    collection = write_collection(tmp_path / "c", record(0), record(0))
    assert main(["annotate", "export", str(collection), "--out", str(tmp_path / "round")]) == 1
    assert "newmodel/p0/0: the sentence is there twice" in capsys.readouterr().err
    assert not (tmp_path / "round").exists()


@pytest.mark.parametrize("image", ["../secret/images/0.png", "pictures/0.png", "images/../0.png"])
def test_picture_gets_a_place_inside_the_release_wherever_it_lay(tmp_path: Path, image: str) -> None:
    collection = write_collection(tmp_path / "a" / "c", record(image=image, image_name="../x/y"))
    (item, *_), files, _ = sources.read_collection(collection)
    assert item.image_path_in_repo == "images/own/_x_y.png"
    assert files[item.image_path_in_repo].is_file()


def test_half_written_round_never_stands_at_its_place(collection: Path, tmp_path: Path) -> None:
    (collection / "images" / "2.png").unlink()
    assert main(["annotate", "export", str(collection), "--out", str(tmp_path / "round")]) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["collection"]


def test_round_that_exists_is_not_overwritten(first: Path, collection: Path, capsys) -> None:
    before = (first / "items.jsonl").read_bytes()
    assert main(["annotate", "export", str(collection), "--out", str(first)]) == 1
    assert "exists: give another --out" in capsys.readouterr().err
    assert (first / "items.jsonl").read_bytes() == before


def test_release_can_be_judged_again(tmp_path: Path) -> None:
    out = tmp_path / "round"
    assert (
        main(["annotate", "export", "--data-dir", "sample", "--captioners", "dune", "--out", str(out)]) == 0
    )
    items = Round.read(out).items.values()
    assert {item.model for item in items} == {"dune"}
    assert len(items) == 29
    for item in items:
        assert (out / item.image_path_in_repo).is_file()
        assert item.image_path_in_repo.startswith("images/data_generation/dune/")


def test_gold_that_is_not_there_in_such_number_is_an_error(collection: Path, tmp_path: Path, capsys) -> None:
    command = ["annotate", "export", str(collection), "--gold", "sample", "--gold-count", "999"]
    assert main([*command, "--out", str(tmp_path / "round")]) == 1
    assert "expected 999 gold sentences" in capsys.readouterr().err


# --- the server ------------------------------------------------------------------------------


def test_push_makes_a_project_with_all_that_the_round_says(studio, first: Path) -> None:
    assert run_push(studio, first) == 0
    (project,) = studio.projects
    assert project["maximum_annotations"] == 3
    assert project["show_instruction"] is True
    assert project["label_config"] == (first / "config.xml").read_text()
    assert sorted(keys(studio)) == sorted(Round.read(first).items)


def test_second_push_finds_its_project_among_others_and_adds_nothing(studio, first: Path, capsys) -> None:
    studio.projects.append({"description": "somebody else's", "tasks": [], "id": 1})
    assert run_push(studio, first) == run_push(studio, first) == 0
    assert len(studio.projects) == 2
    assert len(keys(studio)) == len(set(keys(studio))) == 9
    assert "tasks: 0 new, 9 there already" in capsys.readouterr().out


@pytest.mark.parametrize("failures", [["lost"], [503, "lost"], [502, 429, 503], ["lost", "lost"]])
def test_no_task_comes_in_twice_when_answers_are_lost(studio, first: Path, failures, monkeypatch) -> None:
    monkeypatch.setattr(label_studio, "_BATCH_TASKS", 4)
    studio.fail["POST .*/import"] = failures
    assert run_push(studio, first) == 0
    assert sorted(keys(studio)) == sorted(Round.read(first).items)


def test_task_that_came_in_twice_is_removed_unless_somebody_judged_it(
    studio, first: Path, monkeypatch
) -> None:
    monkeypatch.setattr(label_studio, "_BATCH_TASKS", 4)
    studio.fail["POST .*/import"] = ["twice"]
    assert run_push(studio, first) == 0
    assert sorted(keys(studio)) == sorted(Round.read(first).items)
    (project,) = studio.projects
    judged = {**project["tasks"][0], "id": 100, "annotations": [{"id": 1}]}
    project["tasks"] = [*project["tasks"][:-1], judged]
    assert run_push(studio, first) == 0
    assert judged in project["tasks"]
    assert len(keys(studio)) == len(set(keys(studio))) + 1


@pytest.mark.parametrize("failures", [["lost"], [503, "lost"]])
def test_no_project_is_made_twice_when_answers_are_lost(studio, first: Path, failures) -> None:
    studio.fail["POST /api/projects/"] = failures
    assert run_push(studio, first) == 0
    assert len(studio.projects) == 1


def test_server_that_stays_down_is_an_error_and_a_later_push_goes_on(
    studio, first: Path, capsys, monkeypatch
) -> None:
    monkeypatch.setattr(label_studio, "_BATCH_TASKS", 4)
    studio.fail["POST .*/import"] = ["lost", *[503] * 4]
    assert run_push(studio, first) == 1
    assert "503" in capsys.readouterr().err
    assert len(keys(studio)) == 4
    assert run_push(studio, first) == 0
    assert sorted(keys(studio)) == sorted(Round.read(first).items)


def test_killed_push_goes_on_where_it_was(studio, first: Path, tmp_path: Path) -> None:
    code = (
        "import sys, time; from alignbench_tools.annotation import label_studio as l;"
        "from alignbench_tools.__main__ import main; l._BATCH_TASKS = 2; send = l.LabelStudio._import;"
        "l.LabelStudio._import = lambda *a: (send(*a), time.sleep(0.3));"
        "main(['annotate', 'push', *sys.argv[1:]])"
    )
    process = subprocess.Popen([sys.executable, "-c", code, studio.url, str(first)], env=os.environ)
    deadline = time.monotonic() + 60
    while len(keys(studio)) < 4 and process.poll() is None and time.monotonic() < deadline:
        os.sched_yield()
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert 4 <= len(keys(studio)) < 9
    assert run_push(studio, first) == 0
    assert len(studio.projects) == 1
    assert sorted(keys(studio)) == sorted(Round.read(first).items)


def test_two_pushes_of_a_round_at_a_time_are_refused(studio, first: Path, capsys) -> None:
    with FileLock(str(first / ".push.lock")):
        assert run_push(studio, first) == 1
    assert "being pushed by another process" in capsys.readouterr().err
    assert studio.projects == []


def test_token_is_never_shown_and_never_follows_a_redirect(studio, first: Path, capsys) -> None:
    studio.fail["GET .*"] = ["redirect"]
    assert run_push(studio, first) == 1
    shown = capsys.readouterr()
    assert "redirected to http://elsewhere.invalid/" in shown.err
    studio.accepted = "nobody"
    assert run_push(studio, first) == 1
    shown = capsys.readouterr()
    assert f"check {label_studio.TOKEN_VARIABLE}" in shown.err
    assert TOKEN not in shown.err + shown.out


def test_personal_access_token_buys_short_ones_and_a_new_one_when_they_expire(studio) -> None:
    studio.accepted = r"Bearer access1|Bearer access4"
    server = LabelStudio(studio.url, "a.b.c")
    assert server.find_project("none") is None
    studio.accepted = r"Bearer access4"
    assert server.find_project("none") is None
    assert [path for _, path, _ in studio.paths].count("/api/token/refresh") == 2


def test_without_a_token_it_says_where_to_put_one(first: Path, monkeypatch, capsys) -> None:
    monkeypatch.delenv(label_studio.TOKEN_VARIABLE, raising=False)
    assert main(["annotate", "push", "http://127.0.0.1:9", str(first)]) == 1
    assert f"set {label_studio.TOKEN_VARIABLE}" in capsys.readouterr().err


@pytest.mark.parametrize("url", ["localhost:8080", "ftp://127.0.0.1", "", "http://"])
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="address of a Label Studio server"):
        LabelStudio(url, TOKEN)


def test_unreachable_server_is_an_error_that_asks_for_it(monkeypatch) -> None:
    monkeypatch.setattr(label_studio.time, "sleep", lambda _: None)
    with pytest.raises(LabelStudioError, match="is the server up"):
        LabelStudio("http://127.0.0.1:9", TOKEN).find_project("x")


def test_page_that_is_not_label_studios_is_an_error(serve, tmp_path: Path) -> None:
    (tmp_path / "api" / "projects").mkdir(parents=True)
    (tmp_path / "api" / "projects" / "index.html").write_text("<html>")
    with pytest.raises(LabelStudioError, match="no JSON; is this a Label Studio server"):
        LabelStudio(serve(tmp_path).url, TOKEN).find_project("x")


def test_address_of_a_project_names_its_number() -> None:
    assert project_number("http://h:8080/ls/projects/12/data?tab=3") == ("http://h:8080/ls", 12)
    assert project_number("http://h:8080/") == ("http://h:8080/", None)


def test_cuts_of_the_helper_are_those_of_the_caption() -> None:
    assert cut("a b a", "a", "a")[1] == {"start": 4, "end": 5, "text": "a"}
