"""What the README shows is what happens."""

import doctest
import importlib.util
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

README = Path(__file__).resolve().parent.parent / "README.md"


def test_every_example_gives_what_is_printed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    outcome = doctest.testfile(str(README), module_relative=False, optionflags=doctest.NORMALIZE_WHITESPACE)
    assert outcome.attempted >= 10
    assert outcome.failed == 0


def test_every_python_block_is_an_example_that_runs():
    blocks = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    assert blocks
    assert all(block.startswith(">>> ") for block in blocks)


def test_every_command_that_is_shown_runs_in_turn(tmp_path):
    blocks = re.findall(r"```sh\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    commands = [line.removeprefix("$ ") for block in blocks for line in block.splitlines()]
    assert len(commands) >= 4
    if importlib.util.find_spec("matplotlib") is None:
        commands = [command for command in commands if not command.startswith("alignbench report ")]
    for command in commands:
        words = [sys.executable, "-m", "alignbench_tools", *shlex.split(command)[1:]]
        done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("target", ["demo", "test"])
def test_the_first_commands_exist(target):
    text = README.read_text(encoding="utf-8")
    assert f"    make {target} " in text
    makefile = (README.parent / "Makefile").read_text(encoding="utf-8")
    assert re.search(rf"^{target}:", makefile, re.MULTILINE)
