"""How long `load_dataset("alignbench", images="skip")` takes beside `datasets`' own reader of the bare file.

    python benchmarks/load.py RELEASE_FOLDER [--runs 5]

Each run is a fresh process with an empty cache, the two in turn; printed are medians, their ratio and the
peak memory of a process. The json builder is given explicit features, for it fails without.
"""

import argparse
import json
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

STRINGS = (
    "model image_source image_name image_type caption annotation error_type image_url image_path_in_repo"
)
NUMBERS = {"int64": "sentence_index n_correct n_incorrect n_unknown", "float64": "agreement_ratio fleiss_Pi"}


def build(reader: str, folder: str, cache: str) -> None:
    """One cold build in this process; prints seconds, rows and peak megabytes as JSON."""
    import datasets

    import alignbench  # noqa: F401 - registers the name; both processes import the same

    datasets.disable_progress_bars()
    options: dict = {"split": "test", "data_dir": folder, "images": "skip"}
    if reader == "json":
        features = {name: datasets.Value("string") for name in STRINGS.split()}
        for kind, names in NUMBERS.items():
            features |= {name: datasets.Value(kind) for name in names.split()}
        features["error_words"] = datasets.Sequence(datasets.Value("string"))
        file = str(Path(folder) / "halcap_bench.jsonl")
        options = {"split": "train", "data_files": file, "features": datasets.Features(features)}
    start = time.perf_counter()
    rows = datasets.load_dataset(reader, cache_dir=cache, **options)
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (
        1 << 10 if sys.platform != "darwin" else 1 << 20
    )
    print(
        json.dumps(
            {"seconds": seconds, "rows": rows.num_rows, "peak": peak, "datasets": datasets.__version__}
        )
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--reader", choices=["alignbench", "json"], help=argparse.SUPPRESS)
    parser.add_argument("--cache", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.reader:
        build(args.reader, args.folder, args.cache)
        return
    measured: dict[str, list[dict]] = {"alignbench": [], "json": []}
    for _ in range(args.runs):
        for reader, results in measured.items():
            with tempfile.TemporaryDirectory() as cache:
                command = [sys.executable, __file__, args.folder, "--reader", reader, "--cache", cache]
                done = subprocess.run(command, check=True, capture_output=True, text=True)
                results.append(json.loads(done.stdout.splitlines()[-1]))
    print(
        f"Python {platform.python_version()}, datasets {measured['json'][0]['datasets']}, {args.runs} runs\n"
    )
    print("| reader | rows | seconds (median) | peak memory (MB) |\n|---|---|---|---|")
    for reader, results in measured.items():
        seconds = statistics.median(r["seconds"] for r in results)
        print(
            f"| {reader} | {results[0]['rows']:,} | {seconds:.2f} | {max(r['peak'] for r in results):.0f} |"
        )
    ratios = [a["seconds"] / b["seconds"] for a, b in zip(*measured.values(), strict=True)]
    print(f"\nalignbench takes {statistics.median(ratios):.1f} times as long as json (limit: 4).")


if __name__ == "__main__":
    main()
