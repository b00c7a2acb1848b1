"""`alignbench score --model M`: what a detector says of every sentence, as a scores file."""

import argparse
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from alignbench_tools import detectors, protocols, release, scoring
from alignbench_tools.captions import Captions
from alignbench_tools.scores import Scores


def add_parser(verbs: Any) -> None:
    """Add the verb to `verbs`."""
    parser = verbs.add_parser("score", help="score every sentence with a detector")
    parser.add_argument(
        "--model",
        required=True,
        help=f"SCHEME/NAME: {', '.join(detectors.SCHEMES)} run here, any other is an Inspect model such as "
        "openai/gpt-4o or vllm/…",
    )
    parser.add_argument(
        "--out", type=Path, help="the scores file, .jsonl or .parquet; default: named like the model"
    )
    parser.add_argument("--name", help="the detector's name in tables; default: the model's")
    parser.add_argument("--limit", type=int, help="only the first so many sentences")
    parser.add_argument("--own", nargs="+", metavar="CAPTIONER", help="captioners that are the same model")
    release.add_options(parser, sample=True)
    local = parser.add_argument_group("models that run here")
    local.add_argument("--device", help="cpu, cuda, cuda:1, mps; default: the best there is")
    local.add_argument("--dtype", help="float32, bfloat16, float16; default: what suits the device")
    local.add_argument("--batch-size", type=int, help="sentences or pictures at once")
    local.add_argument("--seed", type=int, default=0, help="of control/random")
    local.add_argument(
        "--engine", choices=["local", "ray"], default="local", help="where: this process, or Ray"
    )
    local.add_argument("--workers", type=int, default=2, help="of Ray")
    asked = parser.add_argument_group("models that are asked")
    asked.add_argument(
        "--protocol", help="score-100 (default), p-yes, expected-score, caption-json, localize, or a file"
    )
    asked.add_argument(
        "--context", choices=["none", "caption"], help="what is shown beside the sentence; default: none"
    )
    asked.add_argument(
        "--blind", action="store_true", help="without pictures: what the text alone gives away"
    )
    asked.add_argument("--connections", type=int, help="requests at once")
    asked.add_argument("--base-url", help="of an OpenAI-compatible server")
    asked.add_argument(
        "--model-arg", action="append", metavar="NAME=VALUE", help="for Inspect's provider; may be repeated"
    )
    asked.add_argument("--prices", type=Path, help="YAML: model, dollars per million input and output tokens")
    asked.add_argument(
        "--estimate", action="store_true", help="print what the run would cost, and ask nothing"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Score and say where the scores are; 1 if a sentence ended in an error, so that scripts notice."""
    _check_options(args)
    found = _score_here(args) if detectors.is_local(args.model) else _ask(args)
    if found is None:
        return 0
    counts = ", ".join(f"{number:,} {status}" for status, number in found.counts().items())
    print(f"{found.name}: {found.detector}: {counts or 'no sentence'}")
    if found.header.get("usage"):
        print("usage: " + ", ".join(f"{name} {value}" for name, value in found.header["usage"].items()))
    failed = found.counts().get("error", 0)
    if failed:
        print(f"{failed:,} sentences failed; the same command asks them again")
    return 1 if failed else 0


DEFAULT_PROTOCOL = "score-100"
ASKED_ONLY = ("protocol", "context", "blind", "connections", "base_url", "model_arg", "prices", "estimate")
HERE_ONLY = ("device", "dtype", "batch_size")


def _check_options(args: argparse.Namespace) -> None:
    """ValueError for an option that the chosen kind of model would silently pass over."""
    others = ASKED_ONLY if detectors.is_local(args.model) else HERE_ONLY
    given = [f"--{name.replace('_', '-')}" for name in others if getattr(args, name)]
    if args.engine == "ray" and not detectors.is_local(args.model):
        given.append("--engine ray")
    if given:
        raise ValueError(f"{', '.join(given)}: of no use with --model {args.model}; leave it out")


def _score_here(args: argparse.Namespace) -> Scores:
    options = vars(args)
    out = args.out or default_out(args.name or args.model)
    if args.engine == "ray":
        from alignbench_tools import ray_engine

        captions = Captions(release.load_sentences(args, "auto"), args.limit)
        return ray_engine.run(
            args.model, options, captions, out, workers=args.workers, name=args.name, own=args.own
        )
    detector = detectors.build(args.model, options)
    images = "auto" if detector.needs_picture else "skip"
    captions = Captions(release.load_sentences(args, images), args.limit)
    return scoring.run(detector, captions, out, args.name, args.own)


def _ask(args: argparse.Namespace) -> Scores | None:
    """Ask a model through Inspect; None where only the estimate was wanted."""
    try:
        from alignbench_tools.vlm import costs
        from alignbench_tools.vlm import run as vlm
    except ImportError as error:
        raise ValueError(f"--model {args.model}: {error}; pip install 'alignbench[vlm]'") from None
    protocol = protocols.load(args.protocol or DEFAULT_PROTOCOL)
    context = args.context or "none"
    prices = costs.read_prices(args.prices) if args.prices else None
    model_args = _model_args(args.model_arg or [])
    images = "skip" if args.blind or args.estimate else "auto"
    captions = Captions(release.load_sentences(args, images), args.limit)
    price = costs.price_of(args.model, prices)
    print(costs.estimate(captions, protocol, price, context=context, blind=args.blind), flush=True)
    if args.estimate:
        return None
    return vlm.run(
        captions,
        args.model,
        protocol,
        args.out or default_out(f"{args.name or args.model}.{protocol.name}"),
        context=context,
        blind=args.blind,
        name=args.name,
        own=args.own,
        connections=args.connections or vlm.CONNECTIONS,
        base_url=args.base_url,
        model_args=model_args,
        prices=prices,
    )


def _model_args(texts: Sequence[str]) -> dict[str, Any]:
    """NAME=VALUE options, values as YAML: numbers and true or false are such."""
    found = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise ValueError(f"--model-arg {text}: expected NAME=VALUE")
        found[name] = yaml.safe_load(value)
    return found


def default_out(name: str) -> Path:
    """A file in the working directory that is named like the detector."""
    return Path(re.sub(r"[^\w.+-]+", "_", name).strip("_") + ".jsonl")
