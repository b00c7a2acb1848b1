"""Protocols: what is asked, what a digest knows, and which files are refused."""

from pathlib import Path

import pytest
import yaml

from alignbench_tools import protocols


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
        {"prompt": "Rate{context}: {sentence}"},
        {"version": 2},
        {"generate": {"temperature": 1}},
        {"context": "{caption}"},
        {"kind": "localize"},
    ]
    for place, change in enumerate(changes):
        assert protocols.load(written(tmp_path / f"{place}.yaml", **change)).digest != original.digest


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"prompt": "How good is it?"}, "prompt: expected {sentence} in it"),
        ({"kind": "opinion"}, "kind: expected one of score"),
        ({"kind": "yes-no"}, "generate: expected logprobs: true and a number of top_logprobs"),
        ({"prompt": "{sentence} {sentance}"}, "prompt: expected no placeholder but {sentence}, {context}"),
        ({"prompt": "{sentence} {caption}"}, "is shown by the field context"),
        ({"prompt": "{sentence}"}, "context: expected {context} in the prompt"),
        ({"context": "Part of a caption."}, "context: expected {context} in the prompt"),
        ({"context": None}, "context: expected {context} in the prompt"),
        ({"context": ["{caption}"]}, "context: expected str, got ['{caption}']"),
        ({"generate": [1]}, "generate: expected dict, got [1]"),
        ({"generate": {"temperature": "0"}}, "generate.temperature: expected int or float, got '0'"),
        ({"generate": {"max_tokens": True}}, "generate.max_tokens: expected int, got True"),
        ({"prompt": None}, "prompt: expected str, got None"),
        ({"version": "one"}, "version: expected int, got 'one'"),
        ({"temperature": 1}, "unknown fields temperature"),
        ({"generate": {"heat": 1}}, "generate: unknown fields heat"),
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
    with pytest.raises(ValueError, match=r"expected one of .*, or a YAML file; Is a directory"):
        protocols.load(tmp_path)


def test_line_ends_and_layout_do_not_change_a_digest(tmp_path):
    text = (protocols.FOLDER / "score-100.yaml").read_text()
    (tmp_path / "a.yaml").write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    (tmp_path / "b.yaml").write_text(text.replace("prompt: |", "prompt: |-"))
    digests = {
        protocols.load(path).digest for path in ("score-100", tmp_path / "a.yaml", tmp_path / "b.yaml")
    }
    assert len(digests) == 1


def test_a_file_that_was_changed_is_read_anew(tmp_path):
    path = written(tmp_path / "mine.yaml")
    before = protocols.load(path)
    assert protocols.load(written(path, version=2)).digest != before.digest


def test_a_caption_is_never_silently_left_out(tmp_path):
    path = written(tmp_path / "mine.yaml", prompt="Rate: {sentence}", context=None)
    assert protocols.load(path).prompt("A hat.") == "Rate: A hat."
    with pytest.raises(
        ValueError, match="protocol score-100 shows no caption: its file has no field context"
    ):
        protocols.load(path).prompt("A hat.", "A hat. A dog.")


def test_an_answer_is_read_as_the_kind_of_protocol_says():
    top = [{"Yes": -0.1, "85": -0.2}]
    replies = {
        "score-100": ("85", 85),
        "p-yes": ("Yes", 1),
        "expected-score": ("85", 85),
        "localize": ('{"wrong": []}', 1),
        "caption-json": ('{"scores": [{"index": 1, "score": 85}]}', 85),
    }
    assert set(replies) == set(protocols.NAMES)
    for name, (reply, score) in replies.items():
        assert [r.score for r in protocols.load(name).read(reply, top, ["A red hat."])] == [score]


def test_a_provider_without_log_probabilities_is_told_apart_from_a_bad_reply():
    with pytest.raises(ValueError, match="this provider gives none; take the protocol score-100"):
        protocols.load("p-yes").read("Yes", None, ["A red hat."])


def test_the_example_in_the_docs_is_a_protocol(tmp_path):
    docs = Path(__file__).parents[1] / "docs" / "protocols.md"
    example = docs.read_text(encoding="utf-8").split("```yaml\n")[1].split("```")[0]
    path = tmp_path / "mine.yaml"
    path.write_text(example, encoding="utf-8")
    assert (
        protocols.load(path)
        .prompt("A hat.", "A hat. A dog.")
        .startswith("The caption reads: A hat. A dog. Is")
    )
    assert protocols.load(path).prompt("A hat.").startswith("Is this right")
