"""The benchmarks compare like with like: each peer gives our numbers on the benchmarks' own data."""

import alignbench_auroc
import numpy as np
import pytest
from alignbench_auroc.delong import delong
from alignbench_auroc.ensembles import ensembles
from alignbench_auroc.localization import localization, words
from alignbench_auroc.sentences import TYPES

data = pytest.importorskip("benchmarks.data", reason="run `python -m pytest` in the project's folder")
from benchmarks import cases, peers, timing

POSITIONS = ("0", "1", "2", "3", "4", "5+")


@pytest.fixture(scope="module")
def benchmark():
    return data.make(detectors=3)


@pytest.mark.parametrize("kind", ["floats", "whole"])
def test_diagnostics_are_those_of_scikit_learn_and_pandas(benchmark, kind):
    scores = getattr(benchmark, kind)[0]
    ours = alignbench_auroc.diagnose(scores, **cases.columns(benchmark.rows))
    frame = benchmark.rows.assign(score=scores, position=benchmark.rows["position"].clip(upper=5))
    theirs = peers.diagnostics(frame, probabilities=kind == "floats")
    assert len(benchmark.rows) == ours["n"] == 89_473
    approximately = {"rel": 1e-9, "abs": 1e-12, "nan_ok": True}
    for name, expected in theirs["captioners"].items():
        found = {key: ours["captioners"][name][key] for key in expected}
        assert found == pytest.approx(expected, **approximately)
        slope = ours["position"]["slope"]["captioners"][name]
        assert [slope["correct"], slope["incorrect"]] == pytest.approx(
            theirs["slopes"][name], **approximately
        )
    assert {key: ours["pooled"][key] for key in theirs["pooled"]} == pytest.approx(
        theirs["pooled"], **approximately
    )
    for part in ("position", "domain"):
        for (name, key), expected in theirs[part].items():
            cell = ours[part]["captioners"][name][POSITIONS[key] if part == "position" else key]
            found = (cell["auroc"], cell["score_correct"], cell["score_incorrect"])
            assert found == pytest.approx(expected, **approximately)
    for (name, code), expected in theirs["types"].items():
        cell = ours["types"]["captioners"][name][TYPES[code]]
        assert (cell["auroc"], cell["score_incorrect"]) == pytest.approx(expected, **approximately)


def test_bootstrap_intervals_have_the_width_of_the_plain_loops(benchmark):
    rows = benchmark.rows[:7372].assign(score=benchmark.floats[0][:7372])  # the first captioner
    plain = peers.bootstrap(rows, 100)[:, 0]
    ours = alignbench_auroc.summarize(
        rows["score"], rows["references"], image_id=rows["image_id"], interval="bootstrap"
    )
    width = ours["auroc_high"] - ours["auroc_low"]
    assert width == pytest.approx(2 * 1.96 * plain.std(), rel=0.2)


def test_delong_ensembles_and_localisation_are_those_of_the_peers(benchmark):
    labels = benchmark.rows["references"].to_numpy()
    for scores in (benchmark.floats, benchmark.whole):
        for ours, theirs in zip(delong(scores, labels), peers.sun_xu_delong(scores, labels), strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-9)
        named = dict(zip("abc", scores, strict=True))
        first = ensembles(named, labels, benchmark.rows["captioner"])[0]
        expected = peers.ensemble(scores[0], scores[1], benchmark.rows)
        assert first.auroc == pytest.approx(expected, abs=1e-12)
    sentences, spans, scores = data.make_sentences(300)
    hits = [
        [start < span[0]["end"] and span[0]["start"] < end for start, end in words(sentence)]
        for sentence, span in zip(sentences, spans, strict=True)
    ]
    ours = localization(sentences, spans, word_scores=scores)
    assert ours["sentences"] == 300
    assert ours["average_precision"] == pytest.approx(peers.localization(hits, scores), abs=1e-12)


def test_a_row_shows_the_ratio_that_is_promised():
    faster = timing.Row("a", "floats", 0.002, "loop", 3.0, ">= 25").cells()
    bounded = timing.Row("b", "floats", 0.004, "np.argsort", 0.005, "<= 1.7").cells()
    assert faster == ["a", "floats", "2 ms", "loop", "3.00 s", "1,500x", ">= 25"]
    assert bounded[-2:] == ["0.80 of it", "<= 1.7"]
