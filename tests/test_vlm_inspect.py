"""The task under Inspect itself: `inspect eval`, its log, `inspect eval-retry`, scores from logs."""

import itertools
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import datasets
import pytest
from sklearn.metrics import roc_auc_score

pytest.importorskip("inspect_ai", reason="the extra [vlm] is not installed")

import inspect_ai
from inspect_ai.log import read_eval_log
from inspect_ai.model import ModelOutput, ModelUsage, get_model
from openai_stub import KEY, Stub, question
from openai_stub.hidden import replies

from alignbench_tools import protocols
from alignbench_tools.captions import Captions
from alignbench_tools.tasks import alignbench as task
from alignbench_tools.vlm.logs import find_logs, scores_from_logs
from alignbench_tools.vlm.run import run

PROJECT = Path(__file__).resolve().parents[1]
LIMIT = 80  # all of atlas, 9 sentences of birch
SCORE = protocols.load("score-100")


@pytest.fixture(scope="module")
def rows():
    return datasets.load_dataset("alignbench", "sample", split="test")


@pytest.fixture(scope="module")
def captions(rows):
    return Captions(rows, LIMIT)


@pytest.fixture(scope="module")
def hidden(rows):
    return {name: 7 * number % 101 for number, name in enumerate(rows["id"][:])}


def mock(texts):
    """Inspect's own stand-in for a model; without a usage it would fetch a tokenizer."""
    usage = ModelUsage(input_tokens=10, output_tokens=1, total_tokens=11)
    outputs = (ModelOutput.from_content("mockllm/model", text) for text in texts)
    return get_model(
        "mockllm/model", custom_outputs=(each.model_copy(update={"usage": usage}) for each in outputs)
    )


def evaluate(log_dir, model, **options):
    (log,) = inspect_ai.eval(
        task(sample=True, **options),
        model=model,
        log_dir=str(log_dir),
        display="none",
        log_images=False,
        log_realtime=False,
    )
    return log


@pytest.fixture(scope="module")
def mocked(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mocked")
    texts = (str(number * 37 % 101) if number % 10 else "no number" for number in itertools.count())
    return evaluate(folder, mock(texts), limit=LIMIT)


def test_the_log_shows_auroc_by_captioner_and_their_mean(rows, mocked):
    log = read_eval_log(mocked.location)
    assert log.status == "success"
    found, _ = scores_from_logs([mocked.location])
    labels = dict(zip(rows["id"][:], rows["label"][:], strict=True))
    shown = {name: metric.value for name, metric in log.results.scores[0].metrics.items()}
    for captioner in ("atlas", "birch"):
        kept = [row for row in found.rows() if row.id.startswith(captioner) and row.status == "ok"]
        known = [row for row in kept if labels[row.id] < 2]
        expected = roc_auc_score([labels[row.id] for row in known], [row.score for row in known])
        assert shown.pop(captioner) == pytest.approx(expected, abs=1e-12)
    assert list(shown) == ["mean"]


def test_a_log_holds_every_reply_and_no_picture(mocked):
    found, notes = scores_from_logs([mocked.location])
    assert found.counts() == {"ok": 72, "unparsed": 8}
    assert notes == []
    assert {row.raw for row in found.rows() if row.status == "unparsed"} == {"no number"}
    log = read_eval_log(mocked.location, resolve_attachments=True)
    assert "base64," not in json.dumps(log.samples[0].model_dump(mode="json"))


def test_the_solver_does_not_see_the_labels(mocked):
    """Nothing that was sent holds a label: prompts are the protocol's, word for word."""
    log = read_eval_log(mocked.location, resolve_attachments=True)
    sentences = {
        f"{row['id']}": row["sentence"] for row in datasets.load_dataset("alignbench", "sample")["test"]
    }
    for sample in log.samples:
        sent = [event.input for event in sample.events if event.event == "model"]
        ids = [row["id"] for row in sample.store["alignbench_sentences"]]
        assert all(len(messages) == 1 for messages in sent)
        assert {message.text for (message,) in sent} == {SCORE.prompt(sentences[name]) for name in ids}


def test_scores_from_a_log_are_those_of_alignbench_score(captions, hidden, tmp_path):
    with Stub(replies(captions, SCORE, dict(hidden)), tmp_path) as stub:
        settings = {"base_url": stub.base_url, "api_key": KEY}
        log = evaluate(tmp_path / "logs", get_model("openai/gpt-4o", **settings), limit=LIMIT)
        mine = run(
            captions,
            "openai/gpt-4o",
            SCORE,
            tmp_path / "s.jsonl",
            base_url=stub.base_url,
            model_args={"api_key": KEY},
            progress=False,
        )
    (logged, _) = scores_from_logs([log.location])
    (own, _) = scores_from_logs([tmp_path / "s.jsonl.logs"])
    plain = {row.id: row[:6] for row in mine.rows()}
    assert {row.id: row[:6] for row in logged.rows()} == plain == {row.id: row[:6] for row in own.rows()}
    for field in (
        "detector",
        "model",
        "model_version",
        "protocol",
        "protocol_digest",
        "context",
        "parameters",
    ):
        assert logged.header[field] == mine.header[field] == own.header[field]
    assert logged.header["data"] == mine.header["data"]


def command(*arguments, folder):
    """`inspect ARGUMENTS` as a user runs it, with the key in the environment."""
    return subprocess.Popen(
        [str(Path(sys.executable).with_name("inspect")), *arguments, "--log-dir", "logs"],
        cwd=folder,
        env={**os.environ, "OPENAI_API_KEY": KEY, "INSPECT_DISPLAY": "plain"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_eval_retry_finishes_what_was_killed_and_asks_again_what_failed(captions, hidden, tmp_path):
    """As Inspect's documentation describes it for any task; the exit code says nothing, the status does."""
    failing = captions[-2]
    key = question(SCORE.prompt(failing.sentences[1].text), captions.picture(failing))
    file = os.path.relpath(PROJECT / "alignbench_tools" / "tasks.py", tmp_path)
    options = f"eval {file} --model openai/gpt-4o -T sample=true -T limit={LIMIT} --max-connections 5"
    answers = replies(captions, SCORE, dict(hidden))
    with Stub(answers, tmp_path, "--delay", 0.1, faults={"by_key": {key: "html"}}) as stub:
        killed = command(*options.split(), "--model-base-url", stub.base_url, folder=tmp_path)
        while stub.counts().get("paid", 0) < 50:
            assert killed.poll() is None, killed.stdout.read()
            time.sleep(0.02)
        killed.kill()
        killed.communicate()
        logs = find_logs([tmp_path / "logs"])
        for expected in ("error", "success"):
            said = command("eval-retry", str(logs[-1]), folder=tmp_path).communicate(timeout=120)[0]
            logs += sorted(set(find_logs([tmp_path / "logs"])) - set(logs))
            assert read_eval_log(str(logs[-1]), header_only=True).status == expected, said
            if expected == "error":
                assert scores_from_logs(logs[-1:])[0].counts() == {"ok": LIMIT - 1, "error": 1}
            stub.set_faults({})
        # What was under way is asked twice, and so is the caption with the sentence that failed.
        assert stub.counts()["paid"] <= LIMIT + 5 * 6 + len(failing.sentences)
    for paths in (logs, logs[::-1], [tmp_path / "logs"]):
        found, _ = scores_from_logs(paths)
        assert found.counts() == {"ok": LIMIT}
        assert found.header["usage"]["calls"] == LIMIT
        assert {row.id: row.score for row in found.rows()} == {
            each.id: hidden[each.id] for caption in captions for each in caption.sentences
        }


def test_a_wrong_key_ends_the_eval_at_once(tmp_path):
    with Stub({}, tmp_path) as stub:
        log = evaluate(tmp_path / "logs", get_model("openai/gpt-4o", base_url=stub.base_url, api_key="wrong"))
        assert stub.counts()["401"] == 1
    assert log.status == "error"


def test_logs_of_shards_merge_in_any_order(captions, hidden, tmp_path):
    with Stub(replies(captions, SCORE, dict(hidden)), tmp_path) as stub:
        model = get_model("openai/gpt-4o", base_url=stub.base_url, api_key=KEY)
        logs = [evaluate(tmp_path / str(limit), model, limit=limit).location for limit in (30, 60)]
    there, notes = scores_from_logs(logs)
    back, _ = scores_from_logs(logs[::-1])
    assert there.rows() == back.rows()
    assert there.counts() == {"ok": 60}
    assert notes[0].startswith("30 sentences stand in several parts")


def test_logs_of_different_questions_do_not_merge(tmp_path):
    logs = [
        evaluate(tmp_path / name, mock(itertools.repeat("5")), limit=5, protocol=name).location
        for name in ("score-100", "localize")
    ]
    with pytest.raises(ValueError, match="protocol: "):
        scores_from_logs(logs)


def test_a_log_of_another_task_is_refused(tmp_path):
    other = inspect_ai.Task(name="other")
    (log,) = inspect_ai.eval(other, model=mock(["x"]), log_dir=str(tmp_path), display="none")
    with pytest.raises(ValueError, match="expected a log of AlignBench's task, got one of other"):
        scores_from_logs([log.location])


def test_a_folder_without_logs_is_refused(tmp_path):
    with pytest.raises(ValueError, match="found none in"):
        scores_from_logs([tmp_path])


def test_options_of_the_task_that_contradict_are_refused():
    with pytest.raises(ValueError, match="takes no such option"):
        task(sample=True, data_dir="somewhere")
    with pytest.raises(ValueError, match="context 'both': expected none or caption"):
        task(sample=True, context="both")
