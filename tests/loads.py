"""Loads in processes of their own, started at once: forked from one that has the imports behind it."""

import hashlib
import itertools
import json
import multiprocessing
import os
from pathlib import Path

import datasets
import huggingface_hub

import alignbench

_numbers = itertools.count()
_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(["alignbench", "datasets.load"])


def describe(folder, home, config=None):
    """Load a release with all caches under `home`; rows with digest and size of their picture, and report."""
    huggingface_hub.constants.HF_HOME = str(home)
    options = {"data_dir": str(folder), "cache_dir": str(Path(home) / "datasets"), "split": "test"}
    dataset = datasets.load_dataset("alignbench", config, **options)
    sizes = [image and image.size for image in dataset["image"]]
    rows = list(dataset.cast_column("image", datasets.Image(decode=False)))
    for row, size in zip(rows, sizes, strict=True):
        if row["image"]:
            data = Path(row["image"]["path"]).read_bytes()
            row["image"] = [hashlib.sha256(data).hexdigest(), *size]
    report = alignbench.report(dataset)
    return {"rows": rows, "pictures": report.pictures, "findings": report.counts()}


def _write(out, *arguments):
    result = json.dumps(describe(*arguments))
    Path(f"{out}.part").write_text(result)
    os.replace(f"{out}.part", out)


class Load:
    """A load under way."""

    def __init__(self, folder, home, config=None):
        self.out = f"{home}.{next(_numbers)}.json"
        self.process = _context.Process(target=_write, args=(self.out, folder, home, config))
        self.process.start()

    def kill(self):
        """SIGKILL; whether it came before the end."""
        self.process.kill()
        self.process.join()
        return self.process.exitcode != 0

    def result(self):
        self.process.join(60)
        assert self.process.exitcode == 0, f"the load ended with {self.process.exitcode}"
        return json.loads(Path(self.out).read_text())
