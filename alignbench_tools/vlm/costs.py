"""What a run costs: an estimate before it, the true figures after it."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from alignbench_tools.captions import Captions
from alignbench_tools.protocols import Protocol
from alignbench_tools.scores import Score
from alignbench_tools.vlm.asking import Asker

# English text in the tokenizers of current models: about four characters a token.
CHARACTERS_PER_TOKEN = 4
# A 1024 x 1024 picture by OpenAI's published rule, 85 + 170 for each of four tiles of 512 pixels.
IMAGE_TOKENS = 765
# What a reply is taken to be where the protocol sets no limit.
OUTPUT_TOKENS = 300


class Price(NamedTuple):
    """Dollars per million tokens, and what a picture counts as."""

    input: float
    output: float
    image_tokens: int = IMAGE_TOKENS


class Estimate(NamedTuple):
    """Calls and tokens of a run; output at its upper limit. `dollars` is None without a price."""

    calls: int
    input_tokens: int
    output_tokens: int
    dollars: float | None

    def __str__(self) -> str:
        money = "no price given" if self.dollars is None else f"about ${self.dollars:,.2f}"
        return (
            f"{self.calls:,} calls, about {self.input_tokens:,} input tokens and at most "
            f"{self.output_tokens:,} output tokens, {money}"
        )


def read_prices(path: str | Path) -> dict[str, Price]:
    """Prices by model from a YAML or JSON file: ``{model: {input: 2.5, output: 10, image_tokens: 765}}``.

    Raises ValueError that names file and model for anything else.
    """
    expected = "expected {model: {input: dollars per million tokens, output: dollars per million tokens}}"
    try:
        given = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise ValueError(f"{path}: {expected}, got no YAML or JSON: {error}") from None
    if not isinstance(given, dict):
        raise ValueError(f"{path}: {expected}, got {given!r}")
    return {str(model): _price(fields, f"{path}: {model}: {expected}") for model, fields in given.items()}


def _price(fields: Any, expected: str) -> Price:
    numbers = isinstance(fields, dict) and all(
        isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < float("inf")
        for value in fields.values()
    )
    if not numbers or not {"input", "output"} <= set(fields) <= set(Price._fields):
        raise ValueError(f"{expected}, got {json.dumps(fields, default=str)}")
    return Price(**fields)


def price_of(model: str, prices: Mapping[str, Price] | None) -> Price | None:
    """The price of `model`, by its full name or without the provider's; None if it is not listed."""
    given = prices or {}
    return given.get(model) or given.get(model.partition("/")[2])


def estimate(
    captions: Captions,
    protocol: Protocol,
    price: Price | None = None,
    *,
    context: str = "none",
    blind: bool = False,
) -> Estimate:
    """What asking about all of `captions` takes, every picture taken to be there."""
    asker = Asker(captions, protocol, context, blind)
    prompts = [prompt for caption in captions for prompt, _ in asker.questions(caption)]
    text = sum(-(-len(prompt) // CHARACTERS_PER_TOKEN) for prompt in prompts)
    shown = 0 if blind else (price.image_tokens if price else IMAGE_TOKENS)
    input_tokens = text + len(prompts) * shown
    output_tokens = len(prompts) * int(protocol.generate.get("max_tokens") or OUTPUT_TOKENS)
    return Estimate(
        len(prompts), input_tokens, output_tokens, price and dollars(price, input_tokens, output_tokens)
    )


def dollars(price: Price, input_tokens: int, output_tokens: int) -> float:
    """The price of so many tokens."""
    return (price.input * input_tokens + price.output * output_tokens) / 1e6


def usage(rows: Iterable[Score], price: Price | None = None) -> dict[str, Any]:
    """For a header: calls that were answered, their tokens and seconds, and `cost` in dollars if known."""
    asked = [row for row in rows if row.seconds is not None]
    found: dict[str, Any] = {
        "calls": len(asked),
        "input_tokens": sum(row.input_tokens or 0 for row in asked),
        "output_tokens": sum(row.output_tokens or 0 for row in asked),
        "seconds": round(sum(row.seconds or 0.0 for row in asked), 3),
    }
    if price is not None:
        found["cost"] = round(dollars(price, found["input_tokens"], found["output_tokens"]), 6)
    return found
