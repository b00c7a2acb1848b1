"""Models through Inspect, against a server with hidden scores: what is asked, kept and goes wrong."""

import collections
import json
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import datasets
import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

pytest.importorskip("inspect_ai", reason="the extra [vlm] is not installed")

from openai_stub import KEY, Stub, question
from openai_stub.hidden import replies

from alignbench_tools import protocols, scores
from alignbench_tools.captions import Captions
from alignbench_tools.scoring import Journal, only_run
from alignbench_tools.vlm.run import run

MODEL = "openai/gpt-4o"
SCORE = protocols.load("score-100")


PICTURES = ("street", "crossing", "chart", "cake", "whale")


def load():
    """51 sentences of four captioners, right and wrong ones of each."""
    sample = datasets.load_dataset("alignbench", "sample", split="test")
    return sample.select([row for row, name in enumerate(sample["image_id"][:]) if name in PICTURES])


@pytest.fixture(scope="module")
def rows():
    return load()


@pytest.fixture(scope="module")
def captions(rows):
    return Captions(rows)


@pytest.fixture(scope="module")
def few(rows):
    return Captions(rows, limit=12)


@pytest.fixture(scope="module")
def hidden(rows):
    """Whole numbers, higher for correct sentences on the whole."""
    draw = random.Random(5)
    labels = zip(rows["id"][:], rows["label"][:], strict=True)
    return {name: min(100, draw.randint(0, 80) + 20 * (label == 1)) for name, label in labels}


@pytest.fixture
def served(tmp_path):
    """Starts a server; it ends with the test."""
    running = []

    def serve(answers, *options, **faults):
        running.append(Stub(answers, tmp_path, *options, faults=faults))
        return running[-1].__enter__()

    yield serve
    for stub in running:
        stub.__exit__()


def ask(captions, stub, out, protocol=SCORE, key=KEY, model=MODEL, **options):
    return run(
        captions,
        model,
        protocol,
        out,
        base_url=stub.base_url,
        model_args={"api_key": key},
        progress=False,
        **options,
    )


def by_captioner(rows, values):
    """AUROC by captioner of `values` by id, sentences of unknown label and without score left out."""
    groups = collections.defaultdict(lambda: ([], []))
    for name, captioner, label in zip(rows["id"][:], rows["captioner"][:], rows["label"][:], strict=True):
        if label < 2 and values.get(name) is not None:
            groups[captioner][0].append(label)
            groups[captioner][1].append(values[name])
    return {captioner: roc_auc_score(*group) for captioner, group in groups.items()}


def given(found):
    return {row.id: row.score for row in found.rows()}


@pytest.mark.parametrize("name", ["score-100", "p-yes", "expected-score", "caption-json"])
def test_auroc_by_captioner_equals_that_of_the_hidden_scores(name, rows, captions, hidden, served, tmp_path):
    protocol = protocols.load(name)
    truth = dict(hidden)
    stub = served(replies(captions, protocol, truth))
    found = ask(captions, stub, tmp_path / "s.jsonl", protocol)
    assert found.counts() == {"ok": len(rows)}
    assert by_captioner(rows, given(found)) == by_captioner(rows, truth)
    calls = len(captions) if name == "caption-json" else len(rows)
    assert stub.counts()["paid"] == calls == found.header["usage"]["calls"]


def test_wrong_words_are_found_again_in_the_sentence(few, served, tmp_path):
    protocol = protocols.load("localize")
    answers, expected = {}, {}
    for caption in few:
        for sentence in caption.sentences:
            start = sentence.text.rindex(" ") + 1
            quote = sentence.text[start:].rstrip(".")
            reply = json.dumps({"wrong": [{"quote": quote, "confidence": 40}]})
            answers[question(protocol.prompt(sentence.text), few.picture(caption))] = reply
            expected[sentence.id] = quote
    found = ask(few, served(answers), tmp_path / "s.jsonl", protocol)
    texts = {sentence.id: sentence.text for caption in few for sentence in caption.sentences}
    for row in scores.read(tmp_path / "s.jsonl").rows():
        (span,) = row.spans
        assert texts[row.id][span["start"] : span["end"]] == expected[row.id]
        assert (span["score"], row.score) == (0.4, 0.6)
    assert found.counts() == {"ok": 12}


def test_a_sentence_is_asked_in_a_conversation_of_its_own_with_its_picture(few, hidden, served, tmp_path):
    """The server knows a question only by exactly its prompt and its picture."""
    stub = served(replies(few, SCORE, dict(hidden)))
    ask(few, stub, tmp_path / "s.jsonl")
    counts = stub.counts()
    assert counts["paid"] == 12
    assert counts["most_asked"] == 1
    assert "unknown" not in counts


def test_the_whole_caption_is_shown_on_demand(few, hidden, served, tmp_path):
    stub = served(replies(few, SCORE, dict(hidden), context="caption"))
    found = ask(few, stub, tmp_path / "s.jsonl", context="caption")
    assert found.counts() == {"ok": 12}
    assert found.header["context"] == "caption"


def test_a_blind_run_shows_no_picture_and_says_so(few, hidden, served, tmp_path):
    stub = served(replies(few, SCORE, dict(hidden), blind=True), "--text-only")
    found = ask(few, stub, tmp_path / "s.jsonl", blind=True)
    assert found.counts() == {"ok": 12}
    assert found.detector == "gpt-4o (blind)"
    assert found.header["parameters"]["blind"] is True


def test_the_header_says_who_answered_and_how_it_was_asked(few, hidden, served, tmp_path):
    stub = served(replies(few, SCORE, dict(hidden)))
    ask(few, stub, tmp_path / "s.parquet", name="GPT", own=["atlas"])
    header = scores.read(tmp_path / "s.parquet").header
    assert header["detector"] == "GPT"
    assert header["own_captioners"] == ["atlas"]
    assert header["model_version"] == "gpt-4o-2025-01-01"
    assert header["protocol_digest"] == SCORE.digest
    assert header["parameters"] == {"temperature": 0.0, "max_tokens": 64}
    assert header["data"] == few.data


def test_storms_and_garbage_change_nothing_but_the_counts(rows, captions, hidden, served, tmp_path):
    truth = dict(hidden)
    storm = {"429": 0.1, "500": 0.06, "garbage": 0.06}
    stub = served(replies(captions, SCORE, truth), "--seed", 1, **storm)
    found = ask(captions, stub, tmp_path / "s.jsonl")
    counts = stub.counts()
    assert min(counts[name] for name in storm) > 0
    assert found.counts() == {"ok": len(rows) - counts["garbage"], "unparsed": counts["garbage"]}
    assert counts["paid"] == len(rows)
    kept = {name: score for name, score in given(found).items() if score is not None}
    assert all(score == truth[name] for name, score in kept.items())


KILLED = """
import sys
sys.path.insert(0, {tests!r})
from test_vlm_asking import SCORE, Captions, Path, ask, load
from openai_stub import Stub
stub = Stub({{}}, {folder!r})
stub.base_url = {url!r}
ask(Captions(load()), stub, Path({out!r}), connections=5)
"""


def test_after_sigkill_every_sentence_is_scored_once_and_little_is_paid_twice(
    rows, captions, hidden, served, tmp_path
):
    stub = served(replies(captions, SCORE, dict(hidden)), "--delay", 0.2)
    out = tmp_path / "s.jsonl"
    script = KILLED.format(
        tests=str(Path(__file__).parent), folder=str(tmp_path), url=stub.base_url, out=str(out)
    )
    draw, kills = random.Random(0), 1
    for number in range(1, kills + 1):
        killed = subprocess.Popen([sys.executable, "-c", script])
        aim = len(rows) * (number - draw.random() / 2) / (kills + 1)
        while stub.counts().get("paid", 0) < aim:
            assert killed.poll() is None
            time.sleep(0.02)
        killed.kill()
        killed.wait()
    found = ask(captions, stub, out, connections=5)
    assert found.counts() == {"ok": len(rows)}
    assert [row.id for row in found.rows()] == [s.id for caption in captions for s in caption.sentences]
    assert stub.counts()["paid"] - len(rows) <= kills * 5


def test_ctrl_c_ends_the_run_as_such_and_loses_nothing(rows, captions, hidden, served, tmp_path):
    stub = served(replies(captions, SCORE, dict(hidden)), "--delay", 0.2)
    out = tmp_path / "s.jsonl"
    script = KILLED.format(
        tests=str(Path(__file__).parent), folder=str(tmp_path), url=stub.base_url, out=str(out)
    )
    # A shell starts what it puts into the background with Ctrl+C ignored, and this test may be there.
    hears = "import signal\nsignal.signal(signal.SIGINT, signal.default_int_handler)\n"
    running = subprocess.Popen([sys.executable, "-c", hears + script], stderr=subprocess.PIPE, text=True)
    while stub.counts().get("paid", 0) < 12:
        assert running.poll() is None
        time.sleep(0.02)
    running.send_signal(signal.SIGINT)
    running.communicate(timeout=60)
    assert running.returncode in (130, -signal.SIGINT)
    assert ask(captions, stub, out).counts() == {"ok": len(rows)}
    assert stub.counts()["paid"] - len(rows) <= 5


def test_what_is_finished_is_not_asked_again(few, hidden, served, tmp_path):
    stub = served(replies(few, SCORE, dict(hidden)))
    first = ask(few, stub, tmp_path / "s.jsonl")
    assert ask(few, stub, tmp_path / "s.jsonl").rows() == first.rows()
    assert stub.counts()["paid"] == 12


def test_a_larger_limit_asks_only_for_the_rest(rows, few, hidden, served, tmp_path):
    more = Captions(rows, limit=30)
    stub = served(replies(more, SCORE, dict(hidden)))
    ask(few, stub, tmp_path / "s.jsonl")
    assert ask(more, stub, tmp_path / "s.jsonl").counts() == {"ok": 30}
    assert stub.counts()["paid"] == 30


@pytest.mark.parametrize("fault", ["html", "reset", "silence", "500", "429"])
def test_a_sentence_that_fails_for_good_is_an_error_and_the_only_one_asked_again(
    fault, few, hidden, served, tmp_path
):
    answers = replies(few, SCORE, dict(hidden))
    victim = few[1].sentences[0]
    key = question(SCORE.prompt(victim.text), few.picture(few[1]))
    stub = served(answers, by_key={key: fault})
    impatient = {"max_retries": 0, "attempt_timeout": 2}
    found = ask(few, stub, tmp_path / "s.jsonl", generate=impatient)
    assert found.counts() == {"ok": 11, "error": 1}
    (failed,) = [row for row in found.rows() if row.status == "error"]
    assert failed.id == victim.id
    assert failed.raw
    stub.set_faults({})
    assert ask(few, stub, tmp_path / "s.jsonl", generate=impatient).counts() == {"ok": 12}
    assert stub.counts()["paid"] == 12


class Doctored(Captions):
    """The picture of the second caption is `picture`."""

    doctored: bytes | None = None

    def picture(self, caption):
        return self.doctored if caption == self[1] else super().picture(caption)


def test_a_sentence_without_picture_is_skipped_and_never_asked(rows, few, hidden, served, tmp_path):
    stub = served(replies(few, SCORE, dict(hidden)))
    captions = Doctored(rows, limit=12)
    found = ask(captions, stub, tmp_path / "s.jsonl")
    without = {sentence.id for sentence in few[1].sentences}
    assert {row.id for row in found.rows() if row.status == "skipped"} == without
    assert stub.counts()["paid"] == 12 - len(without) == found.counts()["ok"]


def test_a_picture_that_cannot_be_read_is_an_error_and_never_sent(rows, few, hidden, served, tmp_path):
    stub = served(replies(few, SCORE, dict(hidden)))
    captions = Doctored(rows, limit=12)
    captions.doctored = b"no picture"
    found = ask(captions, stub, tmp_path / "s.jsonl")
    failed = [row for row in found.rows() if row.status == "error"]
    assert [row.id for row in failed] == [sentence.id for sentence in few[1].sentences]
    assert failed[0].raw.startswith("the picture cannot be read")
    assert stub.counts()["paid"] == 12 - len(failed)


def refused(tmp_path, captions, stub, match, **options):
    """The run ends with a message, and nothing is left that looks like a score."""
    out = tmp_path / "refused.jsonl"
    with pytest.raises(ValueError, match=match):
        ask(captions, stub, out, **options)
    assert not out.exists()
    assert not out.with_name(out.name + ".part").exists()


def test_a_wrong_key_ends_the_run_at_the_first_sentence(captions, served, tmp_path):
    stub = served({})
    refused(tmp_path, captions, stub, "Incorrect API key.*set the right one", key="wrong")
    assert stub.counts() == {"401": 1, "most_asked": 0}


def test_an_account_without_credit_ends_the_run_and_what_was_answered_stays(
    captions, hidden, served, tmp_path
):
    broke = captions[5].sentences[0]
    key = question(SCORE.prompt(broke.text), captions.picture(captions[5]))
    stub = served(replies(captions, SCORE, dict(hidden)), "--delay", 0.02, by_key={key: "quota"})
    out = tmp_path / "s.jsonl"
    with pytest.raises(ValueError, match=r"exceeded your current quota.*no credit left"):
        ask(captions, stub, out, connections=2)
    assert not out.exists()
    paid = stub.counts()["paid"]
    assert 0 < paid < captions.num_sentences
    stub.set_faults({})
    assert ask(captions, stub, out).counts() == {"ok": captions.num_sentences}
    assert stub.counts()["paid"] <= captions.num_sentences + 2


def test_an_unknown_model_ends_the_run_within_three_captions(captions, served, tmp_path):
    stub = served({})
    options = {"model": "openai/gpt-3000", "match": "does not exist.*check --model"}
    refused(tmp_path, captions, stub, options.pop("match"), **options)
    assert stub.counts()["404"] == 3


def test_a_model_without_vision_ends_the_run_within_three_captions(captions, served, tmp_path):
    stub = served({}, "--text-only")
    refused(tmp_path, captions, stub, "image_url is only supported.*choose one with vision")
    assert stub.counts()["400"] == 3


def test_a_provider_without_log_probabilities_is_refused_for_p_yes(captions, hidden, served, tmp_path):
    protocol = protocols.load("p-yes")
    bare = {key: text for key, (text, _) in replies(captions, protocol, dict(hidden)).items()}
    stub = served(bare)
    refused(tmp_path, captions, stub, "no log-probabilities.*score-100", protocol=protocol)
    assert stub.counts()["paid"] == 1


def test_a_server_that_is_not_there_ends_the_run(few, served, tmp_path):
    stub = served({})
    stub.base_url = "http://127.0.0.1:9/v1"
    refused(tmp_path, few, stub, "Connect.*whether the server is up", generate={"max_retries": 0})


def test_a_server_that_speaks_html_ends_the_run(few, served, tmp_path):
    refused(tmp_path, few, served({}, html=1.0), "check --model and --base-url", generate={"max_retries": 0})


def test_a_full_disk_ends_the_run_and_what_was_kept_stays(captions, hidden, served, tmp_path, monkeypatch):
    stub = served(replies(captions, SCORE, dict(hidden)))
    append, room = Journal._append, iter(range(20))

    def fills_up(journal, records):
        if next(room, None) is None:
            raise OSError(28, "No space left on device")
        append(journal, records)

    monkeypatch.setattr(Journal, "_append", fills_up)
    with pytest.raises(ValueError, match=r"No space left on device.*run the same command again"):
        ask(captions, stub, tmp_path / "s.jsonl", connections=5)
    monkeypatch.undo()
    assert len((tmp_path / "s.jsonl.part").read_text().splitlines()) == 21
    paid = stub.counts()["paid"]
    assert paid < captions.num_sentences
    assert ask(captions, stub, tmp_path / "s.jsonl").counts() == {"ok": captions.num_sentences}
    assert stub.counts()["paid"] == paid + captions.num_sentences - 20


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"context": "caption"}, "context: 'none' / 'caption'"),
        ({"protocol": protocols.load("localize")}, "protocol_digest"),
        ({"generate": {"temperature": 0.5}}, "'temperature': 0.5"),
        ({"model": "openai/gpt-4o-mini"}, "openai/gpt-4o-mini"),
    ],
)
def test_another_run_is_not_resumed(change, named, few, hidden, served, tmp_path):
    stub = served(replies(few, SCORE, dict(hidden)))
    ask(few, stub, tmp_path / "s.jsonl")
    with pytest.raises(ValueError, match=named):
        ask(few, stub, tmp_path / "s.jsonl", **change)
    assert stub.counts()["paid"] == 12


def test_other_sentences_of_the_same_captioner_are_not_resumed(rows, few, hidden, served, tmp_path):
    stub = served(replies(few, SCORE, dict(hidden)))
    ask(few, stub, tmp_path / "s.jsonl")
    changed = Captions(rows.select(range(1, len(rows))), limit=12)
    with pytest.raises(ValueError, match="data of atlas"):
        ask(changed, stub, tmp_path / "s.jsonl")


def test_transport_may_change_between_two_parts_of_a_run(few, hidden, served, tmp_path):
    stub = served(replies(few, SCORE, dict(hidden)))
    ask(few, stub, tmp_path / "s.jsonl", generate={"max_retries": 1})
    ask(few, stub, tmp_path / "s.jsonl", generate={"max_retries": 2}, connections=3)
    assert stub.counts()["paid"] == 12


def test_a_second_process_is_told_that_the_run_is_under_way(few, served, tmp_path):
    stub = served({})
    with only_run(tmp_path / "s.jsonl"), pytest.raises(ValueError, match="written by another run"):
        ask(few, stub, tmp_path / "s.jsonl")


def test_a_model_without_its_key_is_refused_before_anything_is_asked(few, tmp_path, monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(ValueError, match="OPENAI_API_KEY"):
        run(few, MODEL, SCORE, tmp_path / "s.jsonl", progress=False)
    assert not list(tmp_path.glob("s.jsonl.logs/*"))


def test_a_provider_that_inspect_does_not_know_is_named(few, tmp_path):
    with pytest.raises(ValueError, match="nosuch/model"):
        run(few, "nosuch/model", SCORE, tmp_path / "s.jsonl", progress=False)


def test_of_a_caption_in_one_question_all_sentences_are_asked_again(captions, hidden, served, tmp_path):
    """The sentences stand in one prompt: half of them would be another question."""
    protocol = protocols.load("caption-json")
    stub = served(replies(captions, protocol, dict(hidden)))
    out = tmp_path / "s.jsonl"
    ask(captions, stub, out, protocol)
    lines = out.read_text().splitlines()
    (tmp_path / "s.jsonl").unlink()
    (tmp_path / "s.jsonl.part").write_text("\n".join([lines[0], *lines[2:], ""]))
    assert ask(captions, stub, out, protocol).counts() == {"ok": captions.num_sentences}
    assert stub.counts()["paid"] == len(captions) + 1
    assert json.loads(lines[1])["id"] in given(scores.read(out))
    assert np.isfinite(list(given(scores.read(out)).values())).all()
