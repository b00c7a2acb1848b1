"""SIGKILL a push at random moments and look at what the Hub shows: the old state or the new, never a mix.

    python benchmarks/push_kill.py [--kills 10] [--seed 0] [--xet]

A release of 1.6 MB in pictures is pushed to a local Hub that takes 50 ms for each answer; then, again and
again, its labels change, a push of it is killed, and a second push has to complete. Prints a Markdown table.
"""

import argparse
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
from hub import Hub
from releases import make_release, read_lines, write_lines

REPO = "me/alignbench"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--xet", action="store_true")
    args = parser.parse_args()
    chance = random.Random(args.seed)
    with tempfile.TemporaryDirectory() as folder, Hub(Path(folder) / "hub") as hub:
        release = make_release(Path(folder) / "data" / "release", side=256)
        command = [
            sys.executable,
            "-m",
            "alignbench_tools",
            "push",
            "dataset",
            REPO,
            "--data-dir",
            str(release),
        ]

        def start() -> subprocess.Popen:
            quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
            return subprocess.Popen(
                command, env=hub.env(Path(folder) / "home", xet=args.xet), cwd=folder, **quiet
            )

        hub.fail("", status=None, delay=0.05)
        begun = time.monotonic()
        assert start().wait() == 0
        whole = time.monotonic() - begun
        print("| killed after | last request before | shown after the kill | commits | next push |")
        print("|--:|---|---|--:|---|")
        for _ in range(args.kills):
            old = hub.files(REPO)
            change_a_label(release, chance)
            hub.forget_requests()
            process = start()
            moment = chance.uniform(0.3, 1.0) * whole
            time.sleep(moment)
            process.send_signal(signal.SIGKILL)
            process.wait()
            log = hub.requests()
            killed, commits = hub.files(REPO), len(hub.commits(REPO))
            completed = start().wait() == 0
            new = hub.files(REPO)
            shown = "old" if killed == old else "new" if killed == new else "A MIX"
            after = "completed" if completed else "FAILED"
            last = f"{log[-1].method} {log[-1].path[:40]}" if log else "none"
            print(f"| {moment:.2f} s | {last} | {shown} | {commits} | {after} |")


def change_a_label(release: Path, chance: random.Random) -> None:
    lines = read_lines(release)
    line = chance.choice(lines)
    line["annotation"] = "correct" if line["annotation"] != "correct" else "unknown"
    write_lines(release, lines)


if __name__ == "__main__":
    main()
