"""What the tests share: caches of their own, no way out of loopback, pictures served, fresh processes."""

import http.server
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import threading
from functools import partial
from pathlib import Path

# The libraries read these once, at import.
os.environ["HF_HOME"] = tempfile.mkdtemp(prefix="alignbench-tests-")
os.environ["HF_ENDPOINT"] = "http://127.0.0.1:9"
os.environ["HF_HUB_DISABLE_XET"] = "1"
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
os.environ["HF_DATASETS_DISABLE_PROGRESS_BARS"] = "1"

import datasets
import huggingface_hub
import pytest
from hypothesis import settings
from pictures import Site

import alignbench

settings.register_profile("shared machine", deadline=None)
settings.load_profile("shared machine")

SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(scope="session")
def shared():
    """Data beside the project that several developers share; most tests do without it."""
    if not SHARED.is_dir():
        pytest.skip("no folder `shared` beside the project: the real slice and the simulator are not here")
    return SHARED


@pytest.fixture(scope="session")
def figures(shared):
    """A real slice of the release: 124 sentences on 18 pictures, 15 of them by URL on port 8765."""
    return shared / "figures"


@pytest.fixture(scope="session")
def simulator(shared):
    """The simulator of the release, as a function of its options that returns the folder."""
    script = shared / "sim" / "make_release.py"
    if importlib.util.find_spec("numpy") is None or sys.version_info < (3, 11):
        pytest.skip("the simulator of the release needs Python 3.11")

    def simulate(folder, *options):
        command = [sys.executable, str(script), "--out", str(folder), *map(str, options)]
        subprocess.run(command, check=True, capture_output=True)
        return folder

    return simulate


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        self.server.paths.append(self.path)


class _Server(http.server.ThreadingHTTPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 64


@pytest.fixture
def serve():
    """Serve a folder, or what a handler class answers, on loopback; `server.paths` is what was asked for."""
    servers = []

    def start(folder=None, port=0, handler=None):
        server = _Server(("127.0.0.1", port), handler or partial(_Quiet, directory=str(folder)))
        server.paths = []
        server.url = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        servers.append(server)
        return server

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def fresh_process(tmp_path):
    """Run code in a new interpreter, in an empty folder, with a cache of its own."""
    folder = tmp_path / "empty"
    folder.mkdir()

    def run(code, *arguments, env=None, check=True):
        own = {"HF_HOME": str(tmp_path / "hf_home"), **(env or {})}
        done = subprocess.run(
            [sys.executable, "-c", code, *map(str, arguments)],
            cwd=folder,
            env={**os.environ, **own},
            capture_output=True,
            text=True,
        )
        if check:
            assert done.returncode == 0, done.stderr
        return done

    return run


@pytest.fixture
def write_release(tmp_path):
    """Write rows, or raw lines, as a release folder; rows need only say what differs from a plain one."""

    def write(*rows, folder=tmp_path / "release"):
        folder.mkdir(exist_ok=True)
        lines = [row if isinstance(row, str) else json.dumps(release_row(**row)) for row in rows]
        (folder / "halcap_bench.jsonl").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        return folder

    return write


@pytest.fixture
def site(serve):
    """A server on loopback that answers `site.answers[path]`: bytes, a status, a list of such in turn."""
    server = serve(handler=Site)
    server.answers = {}
    server.handle_error = lambda *_: None  # clients that hang up are part of the game
    return server


@pytest.fixture
def store(tmp_path, monkeypatch):
    """An empty store of pictures of this test's own, and no waiting between tries."""
    monkeypatch.setattr(huggingface_hub.constants, "HF_HOME", str(tmp_path / "hf_home"))
    monkeypatch.setattr(alignbench, "_BACKOFF_SECONDS", 0.001)
    return alignbench.PictureStore()


@pytest.fixture
def load(tmp_path, store):
    """Load a release folder into caches of this test's own."""

    def load(folder, config=None, **options):
        options = {"split": "test", "cache_dir": str(tmp_path / "cache"), **options}
        return datasets.load_dataset("alignbench", config, data_dir=str(folder), **options)

    return load


def release_row(**changes):
    """A row of a release with every column; a change to `...` removes the column."""
    row = {
        "model": "atlas",
        "image_source": "COCO",
        "image_name": "1",
        "image_type": "Nature",
        "sentence_index": 0,
        "caption": "A man stands beside a woman.",
        "annotation": "correct",
        "error_type": None,
        "error_words": [],
        "agreement_ratio": 1.0,
        "fleiss_Pi": 1.0,
        "n_correct": 3,
        "n_incorrect": 0,
        "n_unknown": 0,
        "image_url": None,
        "image_path_in_repo": "images/1.png",
    }
    if changes.get("annotation") == "incorrect":
        row |= {"error_type": "Object", "error_words": ["woman"], "n_correct": 0, "n_incorrect": 3}
    if changes.get("annotation") == "unknown":
        row |= {"n_correct": 1, "n_incorrect": 1, "n_unknown": 1}
    return {name: value for name, value in (row | changes).items() if value is not ...}
