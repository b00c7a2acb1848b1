"""A client for the tests of `alignbench push` against the local Hub."""

import contextlib
import io
import json
import random
import subprocess
import sys

import datasets
import pytest
from hub import WRITE_TOKEN, Hub
from huggingface_hub import constants
from releases import make_release

from alignbench_tools.__main__ import main

REPO = "me/alignbench"
FILES = ["README.md", "captions/test-00000-of-00001.parquet", "croissant.json", "manifest.json"]
FILES += ["sentences/test-00000-of-00001.parquet"]

# Stands in for an environment without the project: importing any part of it fails.
STRANGER = """
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0].startswith("alignbench"):
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Absent())
"""


class Client:
    """Runs the command in this process (`push`) or another (`start`), and other clients in processes."""

    def __init__(self, hub, folder, release):
        self.hub, self.folder, self.release = hub, folder, release

    def start(self, *arguments, token=WRITE_TOKEN):
        """The command as a process, under way."""
        command = [sys.executable, "-m", "alignbench_tools", "push", "dataset", REPO]
        command += ["--data-dir", self.release, *arguments]
        env = self.hub.env(self.folder / "home", token)
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        return subprocess.Popen(list(map(str, command)), env=env, cwd=self.folder, text=True, **pipes)

    def push(self, *arguments, kind="dataset", repo=REPO, token=WRITE_TOKEN):
        """Exit code, standard output and error of the command, run in this process."""
        given = ["push", kind, repo, *(["--data-dir", self.release] if kind == "dataset" else []), *arguments]
        out, err = io.StringIO(), io.StringIO()
        with pytest.MonkeyPatch.context() as patch:
            # The libraries read their environment once, at import.
            patch.setattr(constants, "ENDPOINT", self.hub.url)
            patch.setattr("huggingface_hub.hf_api.ENDPOINT", self.hub.url, raising=False)
            files = self.hub.url + "/{repo_id}/resolve/{revision}/{filename}"
            patch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", files)
            patch.setattr(constants, "HF_HOME", str(self.folder / "home"))
            patch.setattr(constants, "HF_HUB_CACHE", str(self.folder / "home" / "hub"))
            patch.setattr(constants, "HF_HUB_DISABLE_XET", True, raising=False)
            patch.setattr(constants, "HF_TOKEN_PATH", str(self.folder / "none"))
            patch.setattr(datasets.config, "HF_DATASETS_CACHE", self.folder / "home" / "datasets")
            patch.setenv("HF_TOKEN", token or "")
            patch.chdir(self.folder)
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                code = main(list(map(str, given)))
        return code, out.getvalue(), err.getvalue()

    def push_all(self, *arguments):
        code, out, err = self.push(
            "--images", "all", "--image-dir", f"COCO={self.release.parent / 'coco'}", *arguments
        )
        assert code == 0, err
        return out, err

    def python(self, code):
        """JSON that the code prints last, run without the project and with an empty cache."""
        env = self.hub.env(self.folder / f"fresh{random.random()}", None)
        done = subprocess.run(
            [sys.executable, "-c", STRANGER + code], env=env, cwd=self.folder, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])


@contextlib.contextmanager
def local_client(folder):
    """A client with a release of its own and an empty Hub, all under `folder`."""
    release = make_release(folder / "data" / "release")
    with Hub(folder / "hub") as hub:
        yield Client(hub, folder, release)
