"""The metric's folder alone, as it is pushed: it loads, and its app starts and answers."""

import importlib.util
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

SPACE = Path(__file__).parents[1] / "metric"
ROWS = [(0.9, 1, "x"), (0.2, 0, "x"), (0.4, 0, "y"), (0.3, 1, "y"), (0.8, 1, "y"), (0.1, 2, "y")]
gradio_needed = pytest.mark.skipif(
    importlib.util.find_spec("gradio") is None, reason="gradio is not installed: the Space's app needs it"
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A copy of what is pushed, away from the project."""
    target = tmp_path_factory.mktemp("hub") / "alignbench_auroc"
    shutil.copytree(SPACE, target, ignore=shutil.ignore_patterns("__pycache__"))
    return target


def environment(folder):
    """Variables of a machine without the project and without network."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return kept | {
        "HF_HOME": str(folder.parent / "home"),
        "HF_HUB_OFFLINE": "1",
        "GRADIO_ANALYTICS_ENABLED": "False",
        "no_proxy": "localhost,127.0.0.1",
    }


@pytest.mark.smoke
def test_the_folder_alone_loads_and_computes_without_the_project(folder):
    # Without this project on the path; -P keeps the working directory off it too.
    code = (
        "import sys, evaluate\n"
        "editable = [f for f in sys.meta_path if '__editable__' in getattr(f, '__module__', '')]\n"
        "sys.meta_path[:] = [f for f in sys.meta_path if f not in editable]\n"
        "sys.modules['alignbench_auroc'] = sys.modules['alignbench'] = None\n"
        f"metric = evaluate.load({str(folder)!r})\n"
        "print(metric.compute(predictions=[0.9, 0.2, 0.6, 0.4], references=[1, 0, 0, 1])['auroc'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        cwd=folder.parent,
        env=environment(folder),
    )
    assert done.stdout.strip() == "0.75", done.stderr


def test_the_card_is_a_space_card_and_its_example_says_what_it_prints(capsys):
    _, header, body = (SPACE / "README.md").read_text(encoding="utf-8").split("---\n", 2)
    card = yaml.safe_load(header)
    assert card["sdk"] == "gradio"
    assert (SPACE / card["app_file"]).exists()
    assert {"evaluate", "metric"} <= set(card["tags"])
    code = body.split("```python\n")[1].split("```")[0]
    exec(code.replace('"alignbench_auroc"', repr(str(SPACE / "alignbench_auroc.py"))), {})
    promised = re.search(r"print\(.*\)  # (.*)", code).group(1)
    assert capsys.readouterr().out.strip() == promised


@gradio_needed
def test_the_app_starts_and_answers(folder):
    from gradio_client import Client, handle_file

    csv = folder.parent / "scores.csv"
    csv.write_text("score,label,captioner\n" + "".join(f"{s},{y},{c}\n" for s, y, c in ROWS))
    jsonl = '{"score": 0.9, "label": "correct"}\n{"score": null, "label": "incorrect"}\n'
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, "app.py"],
        cwd=folder,
        env=environment(folder) | {"GRADIO_SERVER_PORT": str(port)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        client = connect(Client, f"http://127.0.0.1:{port}", server)
        api = {"interval": "analytic", "missing": "error", "api_name": "/evaluate_scores"}
        table, notes = client.predict(text="", file=handle_file(str(csv)), **api)
        cells = {row[0]: row[1:] for row in table["data"]}
        assert cells["x"][0] == "1.0000"
        assert cells["y"][0] == "0.5000"
        assert cells["mean of 2"][0] == "0.7500"
        assert "5 sentences counted, 1 unknown left out" in notes
        with pytest.raises(Exception, match=r"expected a score|missing"):
            client.predict(text=jsonl, file=None, **api)
        table, _ = client.predict(text=jsonl, file=None, **api | {"missing": "worst"})
        assert table["data"][0][:2] == ["all sentences", "0.0000"]
    finally:
        server.terminate()
        server.wait(10)


def connect(client_class, url, server, patience=60):
    """A client once the server answers; the server's own words if it ends before."""
    deadline = time.monotonic() + patience
    while True:
        try:
            return client_class(url, verbose=False)
        except Exception:
            if server.poll() is not None or time.monotonic() > deadline:
                server.terminate()
                raise AssertionError(server.communicate()[0]) from None
            time.sleep(0.5)


@pytest.fixture(scope="module")
def app():
    if importlib.util.find_spec("gradio") is None:
        pytest.skip("gradio is not installed: the Space's app needs it")
    spec = importlib.util.spec_from_file_location("space_app", SPACE / "app.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "got nothing"),
        ("score,label\n", "header only"),
        ("score,captioner\n1,x\n", "expected a column 'label', got score, captioner"),
        ("score,label\n0.5,yes\n", "line 2: expected correct, incorrect or unknown"),
        ("score,label\n0.5,1\nhigh,0\n", "line 3: expected a number as score"),
        ('{"score": 1, "label": 1}\n{"score": 2,', "line 2: expected one JSON object a line"),
    ],
)
def test_bad_text_is_an_error_that_names_the_line(app, text, message):
    with pytest.raises(ValueError, match=message):
        app.read_columns(app.parse(text))


def test_csv_and_json_lines_give_the_same_columns(app):
    csv = "model, score, annotation\nx, 1, Correct\n,, unknown\n"
    jsonl = '{"model": "x", "score": 1, "annotation": 1}\n\n{"score": NaN, "annotation": "unknown"}\n'
    expected = {"predictions": [1.0, None], "references": [1, 2], "captioner": ["x", None]}
    assert app.read_columns(app.parse(csv)) == app.read_columns(app.parse(jsonl)) == expected
