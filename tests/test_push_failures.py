"""What `alignbench push` does when something is in the way: edited cards, rights, faults, kills."""

import shutil
import signal

import pytest
from hub import READ_TOKEN, STRANGER_TOKEN
from pushing import REPO, local_client
from releases import read_lines, write_lines


@pytest.fixture
def client(tmp_path):
    with local_client(tmp_path) as client:
        yield client


# a card that somebody edited


@pytest.fixture
def edited(client):
    client.push_all()
    theirs = client.folder / "theirs"
    theirs.mkdir()
    card = client.hub.files(REPO)["README.md"].decode()
    edited = card.replace("## Known issues\n", "## Known issues\n\nBy hand.\n")
    (theirs / "README.md").write_text(edited, "utf-8")
    client.hub.seed(REPO, theirs)
    write_lines(client.release, read_lines(client.release)[:-5])
    return client


def test_edited_card_stops_the_push(edited):
    before = edited.hub.files(REPO)
    code, _, err = edited.push()
    assert code == 1
    assert "somebody edited it" in err
    assert "--card hub" in err
    assert edited.hub.files(REPO) == before


def test_edited_card_is_kept_with_new_numbers(edited):
    edited.push_all("--card", "hub")
    card = edited.hub.files(REPO)["README.md"].decode()
    assert "By hand." in card
    assert f"| `sentences` | {len(read_lines(edited.release))} |" in card
    out, _ = edited.push_all("--card", "hub")
    assert "unchanged" in out


def test_edited_card_is_overwritten_only_on_demand(edited):
    edited.push_all("--card", "ours")
    assert "By hand." not in edited.hub.files(REPO)["README.md"].decode()


# what goes wrong


@pytest.mark.parametrize(
    ("token", "message"),
    [
        (None, "no token: log in with `hf auth login`"),
        ("hf_wrong", "the Hub does not know this token"),
        (READ_TOKEN, "the token may only read"),
        (STRANGER_TOKEN, "no write permission there"),
    ],
)
def test_token_that_cannot_write_is_said(client, token, message):
    code, _, err = client.push(token=token)
    assert code == 1
    assert message in err
    assert "Traceback" not in err
    assert client.hub.store.find("dataset", REPO) is None


def test_name_taken_by_another_type_is_said(client):
    client.hub.store.create("model", REPO)
    code, _, err = client.push()
    assert (code, "is a model repo, expected a dataset or nothing" in err) == (1, True)
    assert client.hub.store.find("dataset", REPO) is None


@pytest.mark.parametrize("name", ["no spaces/alignbench", "me/align--bench", "alignbench", "me/" + "a" * 100])
def test_name_that_the_hub_refuses_is_said(client, name):
    code, _, err = client.push(repo=name)
    assert (code, name in err) == (1, True)
    assert client.hub.requests() == []


def test_script_beside_the_data_is_said(client):
    folder = client.folder / "script"
    folder.mkdir()
    (folder / "alignbench.py").write_text("import datasets\n")
    client.hub.seed(REPO, folder)
    code, _, err = client.push()
    assert (code, "refuses to load a repo with a script of its name" in err) == (1, True)


def test_release_that_is_not_there_is_said(client):
    shutil.rmtree(client.release)
    code, _, err = client.push()
    assert (code, str(client.release) in err, "Traceback" in err) == (1, True, False)


def test_failing_hub_leaves_nothing_and_the_next_push_goes_on(client):
    client.hub.fail("POST .*/commit/", status=500)
    code, _, err = client.push()
    assert (code, "nothing changed there, push again to go on" in err) == (1, True)
    assert client.hub.files(REPO) == {}
    client.hub.heal()
    client.hub.forget_requests()
    assert client.push()[0] == 0
    assert client.hub.requests("^PUT") == []  # uploaded by the first one


def test_commit_of_somebody_else_in_between_is_not_overwritten(client):
    client.push_all()
    theirs = client.folder / "theirs"
    theirs.mkdir()
    (theirs / "NOTES.txt").write_text("theirs")
    client.hub.when("POST .*/preupload/", lambda: client.hub.seed(REPO, theirs))
    write_lines(client.release, read_lines(client.release)[:-5])
    code, _, err = client.push()
    assert (code, "somebody committed in the meantime" in err) == (1, True)
    assert client.hub.files(REPO)["NOTES.txt"] == b"theirs"


@pytest.mark.parametrize("moment", ["POST .*/preupload/", "PUT /lfs/", "POST .*/commit/"])
def test_killed_push_shows_the_old_state_or_the_new_and_the_next_completes(client, moment):
    client.push_all()
    old = client.hub.files(REPO)
    write_lines(client.release, read_lines(client.release)[:-5])
    process = client.start()
    client.hub.when(moment, process.kill)
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL
    killed = (client.hub.requests(), client.hub.files(REPO))[1]
    assert client.push()[0] == 0
    new = client.hub.files(REPO)
    assert new != old
    assert killed in (old, new)


def test_only_one_push_to_a_repository_runs_here(client):
    second = []
    client.hub.when("POST .*/preupload/", lambda: second.append(client.push()))
    assert client.push()[0] == 0
    code, _, err = second[0]
    assert (code, "another push to dataset me/alignbench is under way" in err) == (1, True)
