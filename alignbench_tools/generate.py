"""`alignbench generate`: new captions of pictures, new pictures for texts, and a choice of pictures."""

import argparse
import json
from pathlib import Path
from typing import Any

from alignbench import write_atomically
from alignbench_tools import release
from alignbench_tools.generation import asking, collection, pictures


def add_parser(verbs: Any) -> None:
    """Add the verb and its actions to `verbs`."""
    parser = verbs.add_parser("generate", help="make captions or pictures for people to judge")
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    _add_captions(actions)
    _add_images(actions)
    _add_choose(actions)


def _add_captions(actions: Any) -> None:
    parser = actions.add_parser("captions", help="pictures to captions, by any model that Inspect reaches")
    parser.add_argument("--model", required=True, help="an Inspect model such as openai/gpt-4o or vllm/…")
    parser.add_argument("--captioner", required=True, help="its name in the benchmark, such as gemini-3")
    parser.add_argument(
        "--images", type=Path, metavar="FOLDER", help="pictures; default: the benchmark's own"
    )
    parser.add_argument("--dataset", metavar="NAME", help="or those in column image of a dataset")
    parser.add_argument("--split", default="train", help="of --dataset (default: %(default)s)")
    parser.add_argument("--prompt", type=Path, help="a text file; default: ours")
    parser.add_argument("--out", type=Path, required=True, metavar="COLLECTION", help="a folder")
    parser.add_argument("--limit", type=int, help="only the first so many pictures")
    parser.add_argument("--max-tokens", type=int, default=1024)
    parser.add_argument("--temperature", type=float, default=0.0)
    _add_connection(parser, 20)
    release.add_options(parser, sample=True)
    parser.set_defaults(run=run_captions)


def _add_connection(parser: argparse.ArgumentParser, connections: int) -> None:
    parser.add_argument("--connections", type=int, default=connections, help="calls at once")
    parser.add_argument("--base-url", help="of an OpenAI-compatible server")
    parser.add_argument(
        "--prices", type=Path, help="YAML: model, dollars per million input and output tokens"
    )


def _add_images(actions: Any) -> None:
    parser = actions.add_parser("images", help="texts to pictures, by an OpenAI-compatible images endpoint")
    parser.add_argument(
        "--texts", type=Path, required=True, help=".jsonl of name, text, domain, or a text a line"
    )
    parser.add_argument("--model", required=True, help="such as gpt-image-1; diffusers/REPO runs here")
    parser.add_argument("--captioner", required=True, help="its name in the benchmark")
    parser.add_argument("--out", type=Path, required=True, metavar="COLLECTION", help="a folder")
    parser.add_argument("--size", help="such as 1024x1024")
    parser.add_argument("--seed", type=int, default=0, help="of diffusers")
    _add_connection(parser, 4)
    parser.set_defaults(run=run_images)


def _add_choose(actions: Any) -> None:
    parser = actions.add_parser("choose", help="pictures spread evenly over domains, without near-duplicates")
    parser.add_argument("--images", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--encoder", required=True, help="a dual encoder, as for score: clip/REPO_OR_FOLDER")
    parser.add_argument("--count", type=int, required=True, help="how many pictures")
    parser.add_argument("--domains", type=int, default=10, help="clusters (default: %(default)s)")
    parser.add_argument(
        "--like", type=float, default=0.97, help="cosine of near-duplicates (default: %(default)s)"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--out", type=Path, required=True, help="a .jsonl of the chosen files and their domains"
    )
    parser.set_defaults(run=run_choose)


def run_captions(args: argparse.Namespace) -> int:
    """Ask for captions and write the collection; 1 if a call failed, so that scripts notice."""
    try:
        from alignbench_tools.vlm import costs
        from alignbench_tools.vlm import run as vlm
    except ImportError as error:
        raise ValueError(f"--model {args.model}: {error}; pip install 'alignbench[vlm]'") from None
    prompt = asking.load(args.prompt, args.max_tokens, args.temperature)
    prices = costs.read_prices(args.prices) if args.prices else None
    shown = _pictures(args)
    print(costs.estimate(shown, prompt, costs.price_of(args.model, prices)), flush=True)
    args.out.mkdir(parents=True, exist_ok=True)
    replies = vlm.run(
        shown,
        args.model,
        prompt,
        args.out / "replies.jsonl",
        name=args.captioner,
        connections=args.connections,
        base_url=args.base_url,
        prices=prices,
    )
    about = {"made": "captions", "captioner": args.captioner, "prompt": prompt.template}
    counts = collection.write(args.out, shown, replies, about)
    print(f"{args.out}: {len(shown):,} pictures: " + ", ".join(f"{n:,} {name}" for name, n in counts.items()))
    print("usage: " + ", ".join(f"{name} {value}" for name, value in replies.header["usage"].items()))
    return 1 if counts["error"] else 0


def _pictures(args: argparse.Namespace) -> pictures.Pictures:
    if args.images and args.dataset:
        raise ValueError("--images and --dataset: give one of them")
    if args.images:
        return pictures.of_folder(args.images, args.captioner, args.limit)
    if args.dataset:
        return pictures.of_dataset(args.dataset, args.split, args.captioner, args.limit)
    return pictures.of_benchmark(args, args.captioner, args.limit)


def run_images(args: argparse.Namespace) -> int:
    """Draw and write the collection; 1 if a call failed."""
    try:
        from alignbench_tools.generation import drawing
        from alignbench_tools.vlm import costs
    except ImportError as error:
        raise ValueError(f"--model {args.model}: {error}; pip install 'alignbench[vlm]'") from None

    texts = drawing.read_texts(args.texts)
    scheme, _, repo = args.model.partition("/")
    local = scheme == "diffusers"
    draw = (
        drawing.diffusers(repo, args.seed)
        if local
        else drawing.endpoint(args.model, args.base_url, args.size)
    )
    about = {
        "made": "images",
        "model": args.model,
        "captioner": args.captioner,
        "size": args.size,
        "seed": args.seed if local else None,
    }
    found = drawing.run(texts, draw, args.out, args.captioner, about, 1 if local else args.connections)
    counts, usage = found["counts"], found["usage"]
    print(f"{args.out}: {len(texts):,} texts: " + ", ".join(f"{n:,} {name}" for name, n in counts.items()))
    price = costs.price_of(args.model, costs.read_prices(args.prices)) if args.prices else None
    dollars = costs.dollars(price, usage["input_tokens"], usage["output_tokens"]) if price else None
    spent = f", ${dollars:.4f}" if dollars is not None else ""
    print(f"usage: {usage['input_tokens']:,} input tokens, {usage['output_tokens']:,} output tokens{spent}")
    return 1 if counts.get("error") else 0


def run_choose(args: argparse.Namespace) -> int:
    """Choose, and write a line for each chosen picture."""
    from alignbench_tools.generation import choosing, embedding

    files = pictures.of_folder(args.images, "any").pictures
    names = [picture.name for picture in files]
    vectors = embedding.of_pictures(args.encoder, [picture.file for picture in files if picture.file])
    choice = choosing.choose(vectors, names, args.count, args.domains, args.like, args.seed)
    lines = [
        {"name": names[i], "file": str(files[i].file), "domain": int(choice.domains[i])}
        for i in choice.chosen
    ]
    write_atomically(
        args.out, "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines).encode()
    )
    used = len(set(choice.domains[choice.chosen].tolist()))
    print(
        f"{args.out}: {len(lines):,} of {len(names):,} pictures, over {used} domains; "
        f"{len(choice.duplicates):,} near-duplicates left out"
    )
    return 0
