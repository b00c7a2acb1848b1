"""Models through Inspect against a local server with hidden scores: speed, memory, log, what kills cost.

    python benchmarks/vlm.py RELEASE SCORES.jsonl [--only speed whole kills] [--limit N] [--kills 10]

RELEASE is a release folder without pictures (the questions are asked blind), SCORES.jsonl the hidden scores,
whole numbers from 0 to 100 by id. Three parts, each a line of the table that is printed:

- speed: sentences a second, in turn with the bare `openai` client asking the same questions (5,000 of them);
- whole: everything once: memory, size of the log, AUROC by captioner against that of the hidden scores;
- kills: everything once more, with SIGKILL at random moments: calls that were paid beyond the minimum.
"""

import argparse
import asyncio
import json
import multiprocessing
import random
import resource
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
import datasets
import numpy as np
from alignbench_auroc import auroc
from openai_stub import KEY, Stub
from openai_stub.hidden import replies

import alignbench
from alignbench_tools import protocols, scores
from alignbench_tools.captions import Captions

CONNECTIONS = 50
PROTOCOL = protocols.load("score-100")
SPAWN = multiprocessing.get_context("spawn")


def load(release, limit=None):
    """Rows, which alone hold labels, and the captions to ask about."""
    assert alignbench  # its import is what makes the name known
    rows = datasets.load_dataset("alignbench", data_dir=str(release), images="skip", split="test")
    return rows, Captions(rows, limit)


def ours(release, limit, base_url, out):
    """Seconds of a run, those of them on the processor, and the peak memory of this process in MB."""
    from alignbench_tools.vlm.run import run

    _, captions = load(release, limit)
    begun, worked = time.perf_counter(), time.process_time()
    run(
        captions,
        "openai/gpt-4o",
        PROTOCOL,
        out,
        blind=True,
        connections=CONNECTIONS,
        base_url=base_url,
        model_args={"api_key": KEY},
        progress=False,
    )
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return time.perf_counter() - begun, time.process_time() - worked, memory


def bare(release, limit, base_url):
    """Seconds that the client alone takes for the same questions, and those of them on the processor."""
    from openai import AsyncOpenAI

    _, captions = load(release, limit)
    prompts = [PROTOCOL.prompt(each.text) for caption in captions for each in caption.sentences]

    async def ask_all():
        slots = asyncio.Semaphore(CONNECTIONS)

        async def ask(client, prompt):
            async with slots:
                message = {"role": "user", "content": [{"type": "text", "text": prompt}]}
                options = {key: PROTOCOL.generate[key] for key in ("temperature", "max_tokens")}
                await client.chat.completions.create(model="gpt-4o", messages=[message], **options)

        async with AsyncOpenAI(base_url=base_url, api_key=KEY) as client:
            await asyncio.gather(*(ask(client, prompt) for prompt in prompts))

    begun, worked = time.perf_counter(), time.process_time()
    asyncio.run(ask_all())
    return time.perf_counter() - begun, time.process_time() - worked


class Child:
    """A process of its own that calls `function` as often as it is asked to."""

    def __init__(self, function):
        self._pipe, pipe = SPAWN.Pipe()
        self._process = SPAWN.Process(target=serve, args=(pipe, function), daemon=True)
        self._process.start()

    def __call__(self, *arguments):
        self._pipe.send(arguments)
        return self._pipe.recv()

    def end(self):
        self._pipe.send(None)
        self._process.join()


def serve(pipe, function):
    for arguments in iter(pipe.recv, None):
        pipe.send(function(*arguments))


def speed(args, stub, folder, rounds=7, sentences=2000):
    """The median ratio of short rounds in turn, as what else the machine does then befalls both alike.

    The first round, in which the processes import what they need, does not count.
    """
    mine, peer, took = Child(ours), Child(bare), []
    for number in range(rounds + 1):
        theirs = peer(args.release, sentences, stub.base_url)
        took.append((*theirs, *mine(args.release, sentences, stub.base_url, folder / f"speed{number}.jsonl")))
    mine.end()
    peer.end()
    their_time, their_work, time, work, _ = np.array(took[1:]).T
    rates = ", ".join(
        f"{sentences / a:.0f} of {sentences / b:.0f}" for a, b in zip(time, their_time, strict=True)
    )
    share = np.median(their_time / time)
    print(f"| speed, share of the bare client's | {share:.2f} | >= 0.30 | a second: {rates} |")
    share = np.median(their_work / work)
    print(f"| the same by time on the processor | {share:.2f} | | |", flush=True)


def whole(args, stub, folder, hidden):
    out = folder / "whole.jsonl"
    child = Child(ours)
    seconds, _, memory = child(args.release, args.limit, stub.base_url, out)
    child.end()
    rows, captions = load(args.release, args.limit)
    number = captions.num_sentences
    found = scores.read(out)
    print(f"| sentences | {len(found):,} | {number:,} | {number / seconds:.0f}/s, {found.counts()} |")
    print(f"| peak memory | {memory:,.0f} MB | < 1,500 MB | |")
    logged = sum(path.stat().st_size for path in Path(f"{out}.logs").iterdir()) / number
    print(f"| log | {logged:.0f} bytes a sentence | < 1,000 | |")
    off = max(abs(a - b) for a, b in by_captioner(rows, found, hidden).values())
    print(f"| AUROC by captioner, largest deviation | {off:g} | 0 | |", flush=True)


def by_captioner(rows, found, hidden):
    """AUROC by captioner of what was found and of what is hidden."""
    ids, labels, captioners = rows["id"][:], np.array(rows["label"][:]), np.array(rows["captioner"][:])
    got = found.aligned(ids)
    truth = np.array([hidden[name] for name in ids], dtype=float)
    result = {}
    for name in dict.fromkeys(captioners):
        kept = (captioners == name) & (labels < 2) & ~np.isnan(got)
        if len(set(labels[kept])) == 2:
            result[name] = auroc(got[kept], labels[kept]), auroc(truth[kept], labels[kept])
    return result


def kills(args, stub, folder):
    out = folder / "kills.jsonl"
    number = load(args.release, args.limit)[1].num_sentences
    before = stub.counts().get("paid", 0)
    chance = random.Random(args.seed)
    for aim in sorted(chance.randrange(number) for _ in range(args.kills)):
        child = SPAWN.Process(target=ours, args=(args.release, args.limit, stub.base_url, out))
        child.start()
        while stub.counts().get("paid", 0) - before < aim:
            time.sleep(0.02)
        child.kill()
        child.join()
    ours(args.release, args.limit, stub.base_url, out)
    found = scores.read(out)
    extra = stub.counts()["paid"] - before - number
    assert found.counts() == {"ok": number}
    what = f"calls beyond the {number:,} needed, after {args.kills} SIGKILLs"
    print(f"| {what} | {extra} | <= {number // 100} | |")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("release", type=Path)
    parser.add_argument("scores", type=Path)
    parts = ("speed", "whole", "kills")
    parser.add_argument("--only", nargs="+", choices=parts, default=parts)
    parser.add_argument("--limit", type=int, help="sentences of `whole` and `kills`")
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    with open(args.scores, encoding="utf-8") as lines:
        hidden = {record["id"]: int(record["score"]) for record in map(json.loads, lines)}
    answers = replies(load(args.release)[1], PROTOCOL, hidden, blind=True)
    print("| what | found | promised | |\n|---|--:|--:|---|")
    with tempfile.TemporaryDirectory() as name, Stub(answers, name) as stub:
        if "speed" in args.only:
            speed(args, stub, Path(name))
        if "whole" in args.only:
            whole(args, stub, Path(name), hidden)
        if "kills" in args.only:
            kills(args, stub, Path(name))


if __name__ == "__main__":
    main()
