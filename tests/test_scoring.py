"""Running a detector: what it sees, resuming, refusing to mix runs, pictures that are missing."""

import json
import multiprocessing
import os
import signal
import sys
import time

import datasets
import pytest

from alignbench_tools import scores, scoring
from alignbench_tools.captions import Caption, Captions
from alignbench_tools.scores import Score

pytestmark = pytest.mark.smoke


class Counting:
    """A detector that scores a sentence by its length and keeps what it was asked."""

    captions_at_once = 4

    def __init__(self, needs_picture=True, fails=(), **identity):
        self.needs_picture, self.fails, self.asked = needs_picture, set(fails), []
        self._identity = {"detector": "counting", "model": "test/counting", "protocol": "length", **identity}

    def identity(self):
        return dict(self._identity)

    def score(self, captions, pictures):
        assert all(data is None or data.startswith(b"\x89PNG") for data in pictures)
        for caption in captions:
            for sentence in caption.sentences:
                self.asked.append(sentence.id)
                failed = sentence.id in self.fails
                yield (
                    Score(sentence.id, None, "error", "no")
                    if failed
                    else Score(sentence.id, len(sentence.text))
                )


@pytest.fixture(scope="module")
def sample():
    return datasets.load_dataset("alignbench", "sample", split="test")


def test_a_detector_sees_captions_and_pictures_and_no_label(sample):
    captions = Captions(sample)
    assert captions.num_sentences == sample.num_rows == 217
    assert sorted(s.id for c in captions for s in c.sentences) == sorted(sample["id"])
    assert Caption._fields == ("captioner", "image_id", "text", "sentences", "row")
    first = captions[0]
    assert [s.text for s in first.sentences] == [
        row["sentence"] for row in sample if (row["captioner"], row["image_id"]) == first[:2]
    ]
    assert captions.picture(first).startswith(b"\x89PNG")


def test_a_limit_counts_sentences_and_cuts_the_last_caption(sample):
    captions = Captions(sample, limit=5)
    assert captions.num_sentences == 5
    assert [s.id for c in captions for s in c.sentences] == [
        s.id for c in Captions(sample) for s in c.sentences
    ][:5]
    assert captions.data == Captions(sample).data
    with pytest.raises(ValueError, match="at least 1"):
        Captions(sample, limit=0)


def test_the_digest_of_the_data_knows_a_changed_word_and_not_the_order(sample):
    same = Captions(sample.shuffle(seed=3)).data["captioners"]
    assert same == Captions(sample).data["captioners"]
    changed = sample.map(lambda row: {"sentence": row["sentence"].replace("green", "blue")})
    other = Captions(changed).data["captioners"]
    assert [name for name in same if same[name] != other[name]]


def test_every_sentence_is_scored_once_and_the_file_says_by_what(sample, tmp_path):
    detector = Counting()
    found = scoring.run(detector, Captions(sample), tmp_path / "s.jsonl", name="My counting", own=["atlas"])
    assert sorted(detector.asked) == sorted(sample["id"])
    again = scores.read(tmp_path / "s.jsonl")
    assert again.rows() == found.rows()
    assert again.aligned(sample["id"]).tolist() == [len(text) for text in sample["sentence"]]
    assert again.detector == "My counting"
    assert again.header["own_captioners"] == ["atlas"]
    assert again.header["data"]["captioners"]["atlas"]["sentences"] == 71
    assert os.listdir(tmp_path) == ["s.jsonl"] or sorted(os.listdir(tmp_path)) == ["s.jsonl", "s.jsonl.lock"]


def test_the_same_run_again_asks_nothing_and_leaves_the_file_alone(sample, tmp_path):
    scoring.run(Counting(), Captions(sample), tmp_path / "s.jsonl")
    before = (tmp_path / "s.jsonl").read_bytes()
    detector = Counting()
    scoring.run(detector, Captions(sample), tmp_path / "s.jsonl")
    assert detector.asked == []
    assert (tmp_path / "s.jsonl").read_bytes() == before


def test_a_larger_limit_asks_only_what_is_new(sample, tmp_path):
    scoring.run(Counting(), Captions(sample, limit=50), tmp_path / "s.parquet")
    detector = Counting()
    found = scoring.run(detector, Captions(sample), tmp_path / "s.parquet")
    assert len(detector.asked) == 167
    assert [row.id for row in found.rows()] == [s.id for c in Captions(sample) for s in c.sentences]


def test_what_failed_is_asked_again(sample, tmp_path):
    ids = sample["id"][:3]
    found = scoring.run(Counting(fails=ids), Captions(sample), tmp_path / "s.jsonl")
    assert found.counts() == {"ok": 214, "error": 3}
    detector = Counting()
    assert scoring.run(detector, Captions(sample), tmp_path / "s.jsonl").counts() == {"ok": 217}
    assert sorted(detector.asked) == sorted(ids)


@pytest.mark.parametrize("finished", [True, False])
@pytest.mark.parametrize("change", [{"protocol_digest": "new"}, {"parameters": {"dtype": "bfloat16"}}])
def test_a_run_does_not_go_on_with_another_prompt_or_other_parameters(sample, tmp_path, finished, change):
    out = tmp_path / "s.jsonl"
    scoring.run(Counting(), Captions(sample, limit=9), out)
    if not finished:
        out.rename(tmp_path / "s.jsonl.part")
    with pytest.raises(ValueError, match=f"{next(iter(change))}: None / .*take another --out"):
        scoring.run(Counting(**change), Captions(sample), out)


def test_a_run_does_not_go_on_with_other_data(sample, tmp_path):
    scoring.run(Counting(), Captions(sample), tmp_path / "s.jsonl")
    changed = sample.map(lambda row: {"sentence": row["sentence"].replace("green", "blue")})
    with pytest.raises(ValueError, match=r"data of .*another --out"):
        scoring.run(Counting(), Captions(changed), tmp_path / "s.jsonl")


def test_a_sentence_without_picture_is_skipped_and_never_judged_blind(sample, tmp_path):
    blind = sample.map(lambda row: {"image": None if row["captioner"] == "dune" else row["image"]})
    blind = blind.cast(sample.features)
    detector = Counting()
    found = scoring.run(detector, Captions(blind), tmp_path / "s.jsonl")
    assert found.counts() == {"ok": 188, "skipped": 29}
    assert not [name for name in detector.asked if name.startswith("dune/")]
    assert {row.raw for row in found.rows() if row.status == "skipped"} == {scoring.NO_PICTURE}
    assert scoring.run(detector, Captions(sample), tmp_path / "s.jsonl").counts() == {"ok": 217}


def test_a_detector_that_answers_for_other_sentences_is_refused(sample, tmp_path):
    class Lazy(Counting):
        def score(self, captions, pictures):
            return list(super().score(captions, pictures))[:-1]

    with pytest.raises(ValueError, match="must give one score a sentence"):
        scoring.run(Lazy(), Captions(sample), tmp_path / "s.jsonl")


def slow_run(out, asked):
    class Slow(Counting):
        captions_at_once = 1

        def score(self, captions, pictures):
            time.sleep(0.01)
            found = list(super().score(captions, pictures))
            with open(asked, "a") as file:
                file.writelines(f"{score.id}\n" for score in found)
            return found

    sample = datasets.load_dataset("alignbench", "sample", split="test")
    scoring.run(Slow(), Captions(sample), out, progress=False)


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")
def test_killed_runs_go_on_and_lose_at_most_what_was_being_asked(sample, tmp_path):
    out, asked = tmp_path / "s.jsonl", tmp_path / "asked"
    context, kills = multiprocessing.get_context("fork"), 0
    for target in (20, 60, 110, 150):
        process = context.Process(target=slow_run, args=(out, asked))
        process.start()
        while process.is_alive() and not (asked.exists() and len(asked.read_text().splitlines()) >= target):
            time.sleep(0.002)
        kills += process.is_alive()
        os.kill(process.pid, signal.SIGKILL)
        process.join()
    assert kills == 4
    assert not out.exists()
    with open(tmp_path / "s.jsonl.part", "ab") as file:
        file.write(b'{"id": "atlas/torn')
    slow_run(out, asked)
    assert sorted(row.id for row in scores.read(out).rows()) == sorted(sample["id"])
    longest = max(len(caption.sentences) for caption in Captions(sample))
    assert len(asked.read_text().splitlines()) <= 217 + kills * longest


def test_the_same_run_started_twice_is_refused_by_the_second(sample, tmp_path):
    with (
        scoring.only_run(tmp_path / "s.jsonl"),
        pytest.raises(ValueError, match="being written by another run"),
    ):
        scoring.run(Counting(), Captions(sample), tmp_path / "s.jsonl")


def starved_run(out, size):
    """A run on a disk on which no file may grow beyond `size` bytes."""
    resource = pytest.importorskip("resource")
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
    sample = datasets.load_dataset("alignbench", "sample", split="test")
    try:
        scoring.run(Counting(), Captions(sample), out, progress=False)
    except OSError:
        os._exit(28)
    os._exit(0)


@pytest.mark.skipif(sys.platform == "win32", reason="limits on the size of files")
def test_a_full_disk_leaves_a_part_that_goes_on(sample, tmp_path):
    out = tmp_path / "s.jsonl"
    process = multiprocessing.get_context("fork").Process(target=starved_run, args=(out, 6000))
    process.start()
    process.join()
    assert process.exitcode == 28
    assert not out.exists()
    detector = Counting()
    assert scoring.run(detector, Captions(sample), out).counts() == {"ok": 217}
    assert 0 < len(detector.asked) < 217


def test_a_part_is_a_header_and_lines(sample, tmp_path):
    class Stops(Counting):
        def score(self, captions, pictures):
            if self.asked:
                raise RuntimeError("the device is gone")
            return list(super().score(captions, pictures))

    with pytest.raises(RuntimeError):
        scoring.run(Stops(), Captions(sample), tmp_path / "s.jsonl")
    header, *rows = map(json.loads, (tmp_path / "s.jsonl.part").read_text().splitlines())
    assert header["detector"] == "counting"
    assert rows[0]["score"] == len(Captions(sample)[0].sentences[0].text)
