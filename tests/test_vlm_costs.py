"""Estimates before a run and the true figures after it, by hand arithmetic."""

import datasets
import pytest

pytest.importorskip("inspect_ai", reason="the extra [vlm] is not installed")

from alignbench_tools import protocols
from alignbench_tools.captions import Captions
from alignbench_tools.scores import Score
from alignbench_tools.vlm.costs import Price, estimate, price_of, read_prices, usage


@pytest.fixture(scope="module")
def captions():
    return Captions(datasets.load_dataset("alignbench", "sample", split="test"), limit=9)


def test_the_estimate_counts_calls_tokens_and_dollars(captions):
    protocol = protocols.load("score-100")
    prompts = [protocol.prompt(each.text) for caption in captions for each in caption.sentences]
    text = sum((len(prompt) + 3) // 4 for prompt in prompts)
    found = estimate(captions, protocol, Price(input=2.0, output=8.0, image_tokens=100))
    assert found.calls == 9
    assert found.input_tokens == text + 9 * 100
    assert found.output_tokens == 9 * 64
    assert found.dollars == pytest.approx((2.0 * (text + 900) + 8.0 * 576) / 1e6)
    assert f"about ${found.dollars:.2f}" in str(found)


def test_without_a_price_the_estimate_says_so(captions):
    found = estimate(captions, protocols.load("score-100"))
    assert found.dollars is None
    assert "no price given" in str(found)


def test_a_caption_in_one_question_is_one_call_with_one_picture(captions):
    one = estimate(captions, protocols.load("caption-json"), Price(1, 1, 1000))
    each = estimate(captions, protocols.load("score-100"), Price(1, 1, 1000))
    assert one.calls == len(captions) == 2
    assert one.input_tokens < each.input_tokens - 6000


def test_a_blind_run_pays_for_no_picture(captions):
    protocol = protocols.load("score-100")
    seen, blind = estimate(captions, protocol), estimate(captions, protocol, blind=True)
    assert seen.input_tokens - blind.input_tokens == 9 * 765


def test_usage_adds_up_what_was_answered():
    rows = [
        Score("a/1/0", 5.0, "ok", "5", 100, 2, 0.5),
        Score("a/1/1", None, "unparsed", "?", 90, 8, 0.25),
        Score("a/1/2", None, "error", "no answer"),
    ]
    found = usage(rows, Price(10, 100))
    assert found == {
        "calls": 2,
        "input_tokens": 190,
        "output_tokens": 10,
        "seconds": 0.75,
        "cost": pytest.approx(0.0029),
    }
    assert "cost" not in usage(rows)


def test_prices_are_found_by_the_full_name_and_without_the_provider(tmp_path):
    path = tmp_path / "prices.yaml"
    path.write_text(
        "gpt-4o: {input: 2.5, output: 10}\ngoogle/gemini: {input: 1, output: 2, image_tokens: 258}\n"
    )
    prices = read_prices(path)
    assert price_of("openai/gpt-4o", prices) == Price(2.5, 10)
    assert price_of("google/gemini", prices) == Price(1, 2, 258)
    assert price_of("openai/gpt-5", prices) is None


@pytest.mark.parametrize(
    "text",
    [
        "gpt-4o: 2.5",
        "gpt-4o: {input: 2.5}",
        "gpt-4o: {input: 2.5, output: ten}",
        "gpt-4o: {input: -1, output: 2}",
        "gpt-4o: {input: .nan, output: 2}",
        "gpt-4o: {input: 1, output: 2, batch: 3}",
    ],
)
def test_a_price_that_is_none_is_named(text, tmp_path):
    (tmp_path / "prices.yaml").write_text(text)
    with pytest.raises(ValueError, match=r"prices.yaml: gpt-4o: expected .*dollars per million"):
        read_prices(tmp_path / "prices.yaml")


@pytest.mark.parametrize("text", ["- 1", "{", "cheap"])
def test_a_price_file_that_is_none_is_refused(text, tmp_path):
    (tmp_path / "prices.yaml").write_text(text)
    with pytest.raises(ValueError, match=r"prices.yaml: expected \{model"):
        read_prices(tmp_path / "prices.yaml")
