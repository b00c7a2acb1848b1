"""What the tests of `alignbench report` share: detectors on the sample, the command, the page read back."""

import argparse
from html.parser import HTMLParser

import numpy as np
import pytest

pytest.importorskip("jinja2", reason="the extra [report] is not installed")
pytest.importorskip("matplotlib", reason="the extra [report] is not installed")

from alignbench_tools import report, scores
from alignbench_tools.captions import Captions
from alignbench_tools.reporting import build, comparisons, inputs, leaderboard
from alignbench_tools.reporting import data as data_of
from alignbench_tools.reporting.figures import Figures
from alignbench_tools.scores import Score, Scores

HOSTILE = "<script>alert(1)</script> & \"q\" 'a' {{x}} %$#_^~\\|*`"


def parse(*arguments):
    """The command's arguments as it reads them."""
    command = argparse.ArgumentParser()
    report.add_parser(command.add_subparsers(required=True))
    return command.parse_args(["report", *map(str, arguments)])


def run(*arguments):
    """Run the command."""
    args = parse(*arguments)
    assert args.run(args) == 0


@pytest.fixture
def without_figures(monkeypatch):
    """Pages without figures, which take most of the time."""
    monkeypatch.setattr(build, "all_figures", lambda _: Figures([], []))


def sample_data():
    return data_of.load(parse("x", "--sample"))


def noisy(dataset, seed, signal=1.0):
    """Scores that know the labels up to normal noise; the higher the signal, the better."""
    label = np.array(dataset["label"])
    return np.random.default_rng(seed).normal(size=len(label)) + signal * (label == 1)


def write(folder, dataset, name, values, file=None, **header):
    """A scores file of the detector `name`; NaN stands for a refusal, None for no line at all."""
    rows = [
        Score(key, None, "refused") if np.isnan(value) else Score(key, float(value))
        for key, value in zip(dataset["id"], values, strict=True)
        if value is not None
    ]
    header = {"detector": name, "data": Captions(dataset).data, **header}
    path = folder / f"{file or name}.jsonl"
    scores.write(Scores.from_rows(header, rows, name), path)
    return path


def board_of(*paths, data=None, missing="error", own=None, with_paper=False):
    """The leaderboard of some files, by way of all the steps."""
    data = data or sample_data()
    entries = inputs.entries(paths, [inputs.read(path) for path in paths], data, missing, own)
    return leaderboard.build(entries, comparisons.compare(entries, data, missing), with_paper), entries


class _Table(HTMLParser):
    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.rows, self.inside, self.cell = [], False, None

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        if tag == "table":
            self.inside = found.get("class") == "board"
        elif self.inside and tag == "tr":
            self.rows.append([])
        elif self.inside and tag in ("td", "th"):
            self.cell = {"text": "", "value": found.get("data-value"), "tags": set()}
            self.rows[-1].append(self.cell)
        elif self.cell is not None:
            self.cell["tags"].add(tag)

    def handle_endtag(self, tag):
        if tag in ("td", "th"):
            self.cell = None

    def handle_data(self, text):
        if self.cell is not None:
            self.cell["text"] += text


def table_of(page):
    """Rows of the page's leaderboard: {"text", "value", "tags"} of every cell."""
    reader = _Table()
    reader.feed(page.read_text(encoding="utf-8"))
    return reader.rows


def row_of(page, name):
    """The row of a detector by the beginning of its name."""
    return next(row for row in table_of(page) if row and row[0]["text"].startswith(name))
