"""What a push stores and transfers, counted at a local Hub, beside `Dataset.push_to_hub` of the same rows.

    python benchmarks/push_size.py RELEASE --image-dir COCO=DIR --image-dir CC12M=DIR [--naive] [--lfs]

Pushes the release with all pictures three times: new, unchanged, and with 100 labels changed; then streams
one row. `--naive` also pushes the rows with `push_to_hub`, which stores every picture once per sentence: at
full size that takes some 12 GB of disk. Uploads go the Xet way, or the LFS way with `--lfs`. Each step is a
process of its own; its peak memory is the system's figure. Prints a Markdown table.
"""

import argparse
import json
import os
import platform
import random
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import huggingface_hub
import pyarrow
import pyarrow.compute as pc
import pyarrow.parquet as pq

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
from hub import Hub

CHANGED = 100
MB = 1e6

NAIVE = """
import sys, datasets
import alignbench
from alignbench_tools import release
options = dict(data_dir=sys.argv[1], image_dirs=dict(pair.split("=", 1) for pair in sys.argv[2:]) or None)
datasets.load_dataset("alignbench", split="test", **options).push_to_hub("me/naive", split="test")
"""

STREAM = """
import os
from datasets import load_dataset
row = next(iter(load_dataset("me/alignbench", split="test", streaming=True)))
row["image"].load()
os._exit(0)  # a stream left half-read can hang pyarrow's threads at exit
"""


def change_labels(release: Path, copy: Path) -> None:
    """A copy of the release (pictures as hard links) with the labels of 100 sentences flipped."""
    shutil.copytree(
        release, copy, copy_function=os.link, ignore=shutil.ignore_patterns("*.jsonl", "url_images")
    )
    lines = (release / "halcap_bench.jsonl").read_text("utf-8").splitlines()
    for number in random.Random(0).sample(range(len(lines)), CHANGED):
        line = json.loads(lines[number])
        correct = line["annotation"] == "incorrect"
        line["annotation"] = "correct" if correct else "incorrect"
        lines[number] = json.dumps(line, ensure_ascii=False)
    (copy / "halcap_bench.jsonl").write_text("\n".join(lines) + "\n", "utf-8")


def run(hub: Hub, command: list, env: dict, folder: Path) -> tuple[float, float, float, float]:
    """Seconds, peak memory (MB), bytes that the Hub received and sent (MB) while the command ran."""
    hub.forget_requests()
    start = time.perf_counter()
    process = subprocess.Popen(list(map(str, command)), env=env, cwd=folder, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"{command[:6]} failed with status {status}")
    log = hub.requests()
    seconds = time.perf_counter() - start
    return seconds, usage.ru_maxrss / 1024, sum(r.received for r in log) / MB, sum(r.sent for r in log) / MB


def stored(files: dict[str, Path]) -> list[tuple[str, str]]:
    """What the pushed Parquet is, by config."""
    rows = []
    for config in ("sentences", "captions"):
        paths = [path for name, path in sorted(files.items()) if name.startswith(f"{config}/")]
        groups, read, unique, text, repeated = [], [], {}, 0, 0
        for path in paths:
            file = pq.ParquetFile(path)
            for number in range(file.num_row_groups):
                table = file.read_row_group(number)
                groups.append(sum(c.total_compressed_size for c in columns(file.metadata.row_group(number))))
                read.append(table.nbytes)
                text += table.drop_columns(["image"]).nbytes
                content = pc.struct_field(table["image"].combine_chunks(), "bytes").drop_null()
                repeated += pc.sum(pc.binary_length(content)).as_py() or 0
                unique |= {hash(value): len(value) for value in content.unique().to_pylist()}
        size, pictures = sum(path.stat().st_size for path in paths), sum(unique.values())
        rows += [
            (f"`{config}`: files, row groups", f"{len(paths)}, {len(groups)}"),
            (f"`{config}`: on disk", f"{size / MB:,.1f} MB"),
            (f"`{config}`: unique pictures, text as read", f"{pictures / MB:,.1f} MB, {text / MB:,.1f} MB"),
            (f"`{config}`: on disk / unique pictures", f"{size / pictures:.3f}"),
            (f"`{config}`: pictures as read / unique", f"{repeated / pictures:.1f}"),
            (f"`{config}`: largest row group, encoded", f"{max(groups) / MB:,.1f} MB"),
            (f"`{config}`: largest row group, as read (viewer: 286)", f"{max(read) / 2**20:,.1f} MiB"),
        ]
    return rows


def columns(group: "pq.RowGroupMetaData") -> list:
    return [group.column(number) for number in range(group.num_columns)]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("release", type=Path)
    parser.add_argument("--image-dir", action="append", default=[], metavar="SOURCE=FOLDER")
    parser.add_argument("--naive", action="store_true")
    parser.add_argument("--lfs", action="store_true")
    args = parser.parse_args()
    folder = Path(tempfile.mkdtemp(dir=args.release.absolute().parent, prefix="push-size-"))
    try:
        with Hub(folder / "hub") as hub:
            steps, facts = measure(hub, args, folder)
    finally:
        shutil.rmtree(folder)
    print(f"{platform.python_version()}, pyarrow {pyarrow.__version__}, hub {huggingface_hub.__version__}\n")
    print("| step | seconds | peak memory | to the Hub | from the Hub |\n|---|--:|--:|--:|--:|")
    for name, (seconds, peak, received, sent) in steps:
        print(f"| {name} | {seconds:.1f} | {peak:,.0f} MB | {received:,.3f} MB | {sent:,.3f} MB |")
    print("\n| fact | |\n|---|--:|")
    for name, value in facts:
        print(f"| {name} | {value} |")


def measure(hub: Hub, args: argparse.Namespace, folder: Path) -> tuple[list, list]:
    env = hub.env(folder / "home", xet=not args.lfs)
    changed = folder / "changed"
    change_labels(args.release, changed)
    images = [
        part
        for pair in args.image_dir
        for source, _, place in [pair.partition("=")]
        for part in ("--image-dir", f"{source}={Path(place).absolute()}")
    ]

    def push(release: Path) -> tuple[float, float, float, float]:
        command = [sys.executable, "-m", "alignbench_tools", "push", "dataset", "me/alignbench"]
        return run(hub, [*command, "--images", "all", "--data-dir", release.absolute(), *images], env, folder)

    steps = [("push", push(args.release))]
    entries = hub.store.find("dataset", "me/alignbench").commit_of("main")["files"]
    pushed = {path: hub.store.blob(entry["blob"]) for path, entry in entries.items()}
    steps.append(
        ("first row of a stream", run(hub, [sys.executable, "-c", STREAM], hub.env(folder / "other"), folder))
    )
    facts = [
        (f"stream: {r.range}", f"{r.sent / MB:,.3f} MB") for r in hub.requests("GET .*parquet") if r.range
    ]
    steps.append(("push, nothing changed", push(args.release)))
    steps.append((f"push, {CHANGED} labels changed", push(changed)))
    if args.naive:
        naive = [sys.executable, "-c", NAIVE, args.release.absolute(), *images[1::2]]
        steps.append(("`push_to_hub` of the rows", run(hub, naive, env, folder)))
        entries = hub.store.find("dataset", "me/naive").commit_of("main")["files"]
        facts.append(("`push_to_hub`: on disk", f"{sum(e['size'] for e in entries.values()) / MB:,.1f} MB"))
    # Last, for a child's peak begins with what its parent holds.
    return steps, [*stored(pushed), *facts]


if __name__ == "__main__":
    main()
