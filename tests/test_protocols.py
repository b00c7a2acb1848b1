"""Protocols: what is asked, what a digest knows, and scores from token probabilities."""

import json
import math
import random

import datasets
import numpy as np
import pytest
import yaml
from alignbench_auroc.localization import localization, words
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score

from alignbench_tools import protocols
from alignbench_tools.replies import read_words
from alignbench_tools.token_probabilities import expected_score, probability_of_yes


def test_the_question_of_p_yes_is_the_published_one():
    assert protocols.load("p-yes").prompt("a red {hat}") == (
        "Does this figure show 'a red {hat}'? Please answer yes or no."
    )


@pytest.mark.parametrize("name", protocols.NAMES)
def test_every_protocol_asks_about_the_sentence_and_leaves_no_placeholder(name):
    protocol = protocols.load(name)
    if protocol.kind == "caption":
        prompt = protocol.prompt_caption(["A red hat.", "Two balls."])
        assert "1. A red hat.\n2. Two balls." in " ".join(prompt.split(" "))
    else:
        prompt = protocol.prompt("A red hat.")
        assert "A red hat." in prompt
        assert "Two balls." not in prompt
        assert "A red hat. Two balls." in protocol.prompt("A red hat.", "A red hat. Two balls.")
    assert "{" not in prompt
    assert protocol.generate["temperature"] == 0


def written(path, **changes):
    content = yaml.safe_load((protocols.FOLDER / "score-100.yaml").read_text())
    path.write_text("# mine\n" + yaml.safe_dump({**content, **changes}))
    return path


def test_a_digest_knows_the_question_and_not_the_comments(tmp_path):
    original = protocols.load("score-100")
    assert protocols.load(written(tmp_path / "same.yaml")).digest == original.digest
    assert protocols.load(written(tmp_path / "renamed.yaml", name="mine")).digest == original.digest
    changes = [
        {"prompt": "Rate: {sentence}"},
        {"version": 2},
        {"generate": {"temperature": 1}},
        {"context": "{caption}"},
    ]
    for place, change in enumerate(changes):
        assert protocols.load(written(tmp_path / f"{place}.yaml", **change)).digest != original.digest


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"prompt": "How good is it?"}, "prompt: expected {sentence} in it"),
        ({"kind": "opinion"}, "kind: expected one of score"),
        ({"kind": "yes-no"}, "generate.top_logprobs: expected a number"),
        ({"version": "one"}, "version: expected int, got 'one'"),
        ({"temperature": 1}, "unknown fields temperature"),
        ({"generate": {"heat": 1}}, "unknown fields generate.heat"),
    ],
)
def test_a_file_that_is_no_protocol_is_refused_with_the_field(tmp_path, change, message):
    path = written(tmp_path / "mine.yaml", **change)
    with pytest.raises(ValueError, match=r"mine\.yaml: ") as error:
        protocols.load(path)
    assert message in str(error.value)


def test_an_unknown_name_lists_those_there_are(tmp_path):
    with pytest.raises(
        ValueError, match="expected one of caption-json, expected-score, localize, p-yes, score-100"
    ):
        protocols.load("score-10")
    (tmp_path / "a.yaml").write_text("a: [")
    with pytest.raises(ValueError, match=r"a\.yaml: expected YAML"):
        protocols.load(tmp_path / "a.yaml")


def test_a_provider_without_log_probabilities_is_told_apart_from_a_bad_reply():
    with pytest.raises(ValueError, match="the provider gave none; take the protocol score-100"):
        protocols.load("p-yes").read("Yes", None, ["A red hat."])


def tops(*places):
    return [{token: math.log(share) for token, share in place.items()} for place in places]


@pytest.mark.parametrize(
    ("tokens", "score"),
    [
        (tops({"Yes": 0.6, "No": 0.2, "Maybe": 0.2}), 0.75),
        (tops({"Yes": 0.3, "yes": 0.2, " YES": 0.1, "▁No": 0.1, "no.": 0.1}), 0.75),
        (tops({"\n": 0.9, "Yes": 0.1}, {"No": 0.8, "Yes": 0.2}), 0.2),
        (tops({"**": 0.9, "Yes": 0.1}, {"Yes": 0.5, "No": 0.5}), 0.5),
        (tops({"Yes": 1.0}), 1.0),
        (tops({"No": 1.0}), 0.0),
        (tops({"Maybe": 1.0}), None),
        (tops({"Yesterday": 0.5, "Not": 0.5}), None),
        (tops({" ": 1.0}), None),
        ([{}], None),
        ([], None),
    ],
)
def test_the_probability_of_yes_is_shared_out_between_yes_and_no(tokens, score):
    reading = probability_of_yes("Yes", tokens)
    assert reading.status == ("unparsed" if score is None else "ok")
    assert reading.score == (score if score is None else pytest.approx(score, abs=1e-12))


def test_very_sure_answers_stay_apart_instead_of_tying():
    values = [probability_of_yes("No", [{"No": -1e-9, "Yes": -k}]).score for k in (20.0, 30.0, 40.0, 600.0)]
    assert values == sorted(values, reverse=True)
    assert len(set(values)) == 4


def test_a_refusal_that_has_no_yes_in_it_is_a_refusal():
    assert probability_of_yes("I'm sorry, I can't help with that.", tops({"I": 1.0})).status == "refused"


@pytest.mark.parametrize(
    ("tokens", "score"),
    [
        (tops({"80": 0.5, "90": 0.5}), 85),
        (tops({"80": 0.5, "90": 0.25, "The": 0.25}), (40 + 22.5) / 0.75),
        (tops({" ": 0.9, "5": 0.1}, {"100": 1.0}), 100),
        (tops({"8": 0.75, "9": 0.25}, {"5": 0.5, "0": 0.5}), 82.5),
        (tops({"8": 1.0}, {"5": 0.5, ".": 0.5}, {".": 1.0}), (42.5 + 4)),
        (tops({"1": 1.0}, {"0": 1.0}, {"0": 0.5, "": 0.5}), (50 + 5)),
        (tops({"85": 0.4, "The": 0.6}), None),
        (tops({"850": 1.0}), None),
        (tops({"The": 1.0}), None),
        ([], None),
    ],
)
def test_the_expected_score_is_the_mean_of_the_numbers_it_might_have_been(tokens, score):
    reading = expected_score("?", tokens)
    assert reading.status == ("unparsed" if score is None else "ok")
    assert reading.score == (score if score is None else pytest.approx(score, abs=1e-9))


TOKENS = st.lists(st.dictionaries(st.text(max_size=4), st.floats(-800, 0), max_size=6), max_size=4)


@given(TOKENS)
def test_any_probabilities_give_a_score_in_range_or_a_reason(tokens):
    for read, top in ((probability_of_yes, 1), (expected_score, 100)):
        reading = read("?", tokens)
        assert reading.status in ("ok", "unparsed", "refused")
        assert reading.score is None or 0 <= reading.score <= top


def asked_about(rows, answer):
    """The metric's localisation of what `answer` says of each row."""
    readings = [read_words(answer(row), row["sentence"]) for row in rows]
    assert {reading.status for reading in readings} == {"ok"}
    return localization(
        rows["sentence"],
        rows["spans"],
        predicted_spans=[r.spans for r in readings],
        captioner=rows["captioner"],
    )


@pytest.fixture(params=["sample", "figures"])
def rows(request):
    if request.param == "sample":
        return datasets.load_dataset("alignbench", "sample", split="test")
    folder = str(request.getfixturevalue("figures"))
    return datasets.load_dataset("alignbench", data_dir=folder, split="test", images="skip")


def test_answers_made_from_the_true_spans_give_an_average_precision_of_one(rows):
    def truth(row):
        return json.dumps({"wrong": [{"quote": span["text"], "confidence": 100} for span in row["spans"]]})

    place = asked_about(rows, truth)
    assert place["average_precision"] == 1.0
    assert place["average_precision"] > place["prevalence"]


def test_answers_of_random_words_give_the_average_precision_of_chance(rows):
    """Chance is estimated apart from the metric: scikit-learn's, over random rankings of the same words."""
    rng = random.Random(4)

    def dice(row):
        found = list(range(len(words(row["sentence"]))))
        return json.dumps({"wrong": [{"word": word, "confidence": rng.uniform(0, 100)} for word in found]})

    measured = np.mean([asked_about(rows, dice)["average_precision"] for _ in range(20)])
    means = []
    for captioner in dict.fromkeys(rows["captioner"]):
        mine = [
            row
            for row in rows.select_columns(["captioner", "sentence", "spans"])
            if row["captioner"] == captioner
        ]
        expected = [chance(row, np.random.default_rng(1)) for row in mine if row["spans"]]
        if expected:
            means.append(np.mean(expected))
    assert measured == pytest.approx(np.mean(means), abs=0.03)
    assert measured < 0.6


def chance(row, rng, draws=25):
    wrong = [
        any(start < span["end"] and span["start"] < end for span in row["spans"])
        for start, end in words(row["sentence"])
    ]
    return np.mean([average_precision_score(wrong, rng.random(len(wrong))) for _ in range(draws)])
