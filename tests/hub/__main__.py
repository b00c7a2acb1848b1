"""`python -m tests.hub --root DIR --port 0`: the local Hub as a process; prints its URL and serves."""

from __future__ import annotations

import argparse
import signal
import sys

from . import READ_TOKEN, WRITE_TOKEN, Hub


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.hub", description=__doc__)
    parser.add_argument("--root", required=True, help="folder of repositories, blobs and requests.jsonl")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--seed", nargs=3, metavar=("TYPE", "REPO", "FOLDER"), action="append", default=[])
    parser.add_argument("--sha", help="commit sha of the last seeded repository")
    parser.add_argument("--require-token", action="store_true", help="401 to everybody without one")
    parser.add_argument("--fail", metavar="REGEX", help="500 to every `METHOD /path` that matches")
    parser.add_argument("--delay", type=float, default=0.0, help="seconds before each answer")
    args = parser.parse_args()
    hub = Hub(args.root, args.port)
    for type_, repo, folder in args.seed:
        hub.seed(repo, folder, type_, sha=args.sha if [type_, repo, folder] == args.seed[-1] else None)
    hub.server.require_token = args.require_token
    if args.fail:
        hub.fail(args.fail)
    if args.delay:
        hub.fail("", status=None, delay=args.delay)
    # Asking for the log waits for the requests under way: what was answered is in requests.jsonl.
    signal.signal(signal.SIGTERM, lambda *_: (hub.requests(), sys.exit(0)))
    print(hub.url, flush=True)
    print(f"tokens: {WRITE_TOKEN} (user me, write), {READ_TOKEN} (user me, read)", file=sys.stderr)
    hub.server.serve_forever()


if __name__ == "__main__":
    main()
