"""`alignbench evaluate`, `ensemble` and `merge`, on the embedded sample."""

import alignbench_auroc
import datasets
import numpy as np
import pytest
from alignbench_auroc import Result
from sklearn.metrics import roc_auc_score

from alignbench_tools import scores
from alignbench_tools.__main__ import main
from alignbench_tools.captions import Captions
from alignbench_tools.ensemble import ensemble
from alignbench_tools.evaluate import evaluate
from alignbench_tools.scores import Score, Scores

pytestmark = pytest.mark.smoke


@pytest.fixture(scope="module")
def sample():
    return datasets.load_dataset("alignbench", "sample", split="test")


def made(sample, values, name="looker", **header):
    rows = [Score(key, float(value)) for key, value in zip(sample["id"], values, strict=True)]
    return Scores.from_rows({"detector": name, "data": Captions(sample).data, **header}, rows, name)


@pytest.fixture
def noisy(sample):
    rng = np.random.default_rng(5)
    labels = np.array(sample["label"])
    return lambda name, scale=1.0: made(sample, scale * (rng.normal(size=len(labels)) + (labels == 1)), name)


def expected_mean(sample, values):
    labels, captioner = np.array(sample["label"]), np.array(sample["captioner"])
    return np.mean(
        [
            roc_auc_score(labels[rows], np.asarray(values)[rows])
            for name in np.unique(captioner)
            for rows in [(labels != 2) & (captioner == name)]
        ]
    )


def test_evaluate_gives_the_metrics_result_whatever_the_order_of_the_file(sample, noisy, tmp_path, capsys):
    found = noisy("looker")
    shuffled = Scores(
        found.header, found.table.take(np.random.default_rng(0).permutation(len(found))), "shuffled"
    )
    scores.write(shuffled, tmp_path / "s.parquet")
    assert main(["evaluate", str(tmp_path / "s.parquet"), "--sample", "--out", str(tmp_path / "r.json")]) == 0
    result = Result.load(tmp_path / "r.json")
    assert result["auroc"] == pytest.approx(expected_mean(sample, found.aligned(sample["id"])), abs=1e-12)
    direct = alignbench_auroc.diagnose(found.aligned(sample["id"]), **alignbench_auroc.columns(sample))
    np.testing.assert_equal(result["types"], direct["types"])
    assert f"{result['auroc']:.4f}" in capsys.readouterr().out


def test_missing_scores_are_an_error_that_names_statuses_and_remedies(sample, noisy, tmp_path, capsys):
    rows = noisy("looker").rows()
    rows[3:5] = [rows[3]._replace(score=None, status="refused"), rows[4]._replace(score=None, status="error")]
    found = Scores.from_rows({"detector": "looker"}, rows)
    scores.write(found, tmp_path / "s.jsonl")
    assert main(["evaluate", str(tmp_path / "s.jsonl"), "--sample"]) == 1
    message = capsys.readouterr().err
    assert "2 labelled sentences have no score (in the file: 215 ok, 1 refused, 1 error)" in message
    assert "--missing worst" in message
    worst = evaluate(found, sample, missing="worst")
    dropped = evaluate(found, sample, missing="drop")
    assert worst["auroc"] < dropped["auroc"]
    assert dropped["n"] == worst["n"] - 2


def test_scores_of_other_sentences_are_refused(sample, noisy):
    changed = sample.map(lambda row: {"sentence": row["sentence"].replace("green", "blue")})
    with pytest.raises(ValueError, match=r"looker and the data given differ in data of .*score this one"):
        evaluate(noisy("looker"), changed)


def test_captioners_that_were_not_scored_are_left_out(sample, noisy):
    some = [row for row in noisy("looker").rows() if row.id.startswith(("atlas/", "dune/"))]
    result = evaluate(Scores.from_rows({"detector": "looker"}, some), sample)
    assert list(result["captioners"]) == ["atlas", "dune"]
    with pytest.raises(ValueError, match="the scores are of elm, the data of atlas"):
        evaluate(Scores.from_rows({"detector": "looker"}, [Score("elm/1/0", 0.5)]), sample)


def test_the_headers_own_captioners_give_the_self_preference(sample, noisy):
    found = noisy("looker")
    found.header["own_captioners"] = ["atlas", "elm"]
    assert evaluate(found, sample)["self_preference"]["own"] == ["atlas"]


def test_localized_words_are_evaluated_too(sample, tmp_path, capsys):
    rows = [
        Score(
            row["id"], 0.0, spans=[{"start": s["start"], "end": s["end"], "score": 1.0} for s in row["spans"]]
        )
        for row in sample
    ]
    scores.write(Scores.from_rows({"detector": "oracle"}, rows), tmp_path / "s.jsonl")
    assert main(["evaluate", str(tmp_path / "s.jsonl"), "--sample"]) == 0
    assert "words: average precision 1.0000" in capsys.readouterr().out


@pytest.mark.parametrize("how", ["mean", "zscore", "rank"])
def test_an_ensemble_is_the_mean_as_computed_by_hand(sample, noisy, how):
    one, two = noisy("one"), noisy("two", scale=7.0)
    columns = [member.aligned(sample["id"]) for member in (one, two)]
    by_hand = {
        "mean": lambda x: x,
        "zscore": lambda x: (x - x.mean()) / x.std(),
        "rank": lambda x: (np.argsort(np.argsort(x)) + 1) / len(x),
    }[how]
    expected = (by_hand(columns[0]) + by_hand(columns[1])) / 2
    together = ensemble([one, two], how)
    np.testing.assert_allclose(together.aligned(sample["id"]), expected, rtol=1e-12)
    gain = evaluate(together, sample)["auroc"] - max(
        evaluate(member, sample)["auroc"] for member in (one, two)
    )
    singles = [expected_mean(sample, column) for column in columns]
    assert gain == pytest.approx(expected_mean(sample, expected) - max(singles), abs=1e-12)


def test_an_ensemble_has_no_score_where_a_member_has_none(sample, noisy):
    one, rows = noisy("one"), noisy("two").rows()
    rows[0] = rows[0]._replace(score=None, status="refused")
    together = ensemble([one, Scores.from_rows({"detector": "two"}, rows)])
    assert together.counts() == {"ok": 216, "refused": 1}
    assert next(row for row in together.rows() if row.status != "ok").raw == "no score from two"


def test_an_ensemble_needs_two_members_on_the_same_sentences(sample, noisy):
    one = noisy("one")
    with pytest.raises(ValueError, match="at least two"):
        ensemble([one])
    fewer = Scores.from_rows({"detector": "two"}, noisy("two").rows()[1:])
    with pytest.raises(ValueError, match="217 sentences and scores 216"):
        ensemble([one, fewer])


def test_a_plain_mean_of_uneven_scales_is_pointed_out(noisy, tmp_path, capsys):
    for name, scale in (("one", 1.0), ("two", 100.0)):
        scores.write(noisy(name, scale), tmp_path / f"{name}.jsonl")
    files = [str(tmp_path / "one.jsonl"), str(tmp_path / "two.jsonl"), "--out", str(tmp_path / "e.jsonl")]
    assert main(["ensemble", *files]) == 0
    assert "different scales" in capsys.readouterr().out
    assert main(["ensemble", *files, "--how", "zscore"]) == 0
    assert "different scales" not in capsys.readouterr().out


def test_merge_puts_shards_together(sample, noisy, tmp_path, capsys):
    found = noisy("looker")
    for name in ("atlas", "birch", "cedar", "dune"):
        rows = [row for row in found.rows() if row.id.startswith(name)]
        scores.write(Scores.from_rows(found.header, rows), tmp_path / f"{name}.jsonl")
    parts = [str(tmp_path / f"{name}.jsonl") for name in ("cedar", "atlas", "dune", "birch")]
    assert main(["merge", *parts, "--out", str(tmp_path / "all.parquet")]) == 0
    assert "217 ok" in capsys.readouterr().out
    merged = scores.read(tmp_path / "all.parquet")
    np.testing.assert_array_equal(merged.aligned(sample["id"]), found.aligned(sample["id"]))
