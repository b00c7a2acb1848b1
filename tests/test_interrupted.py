"""A load that is killed at any moment, or runs beside another, leaves nothing wrong behind."""

import http.server
import io
import random
import time
from collections import Counter

import huggingface_hub
import numpy as np
import pytest
from loads import Load, describe
from PIL import Image

PICTURES = 120
KILLS = 6


def noise(number):
    out = io.BytesIO()
    pixels = np.random.default_rng(number).integers(0, 255, (30 + number % 50, 40, 3), np.uint8)
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


class _Slow(http.server.BaseHTTPRequestHandler):
    """Pictures in small pieces, so that a kill finds many half of the way; every sixth is not there."""

    def log_message(self, *_):
        pass

    def do_GET(self):
        self.server.paths.append(self.path)
        data = self.server.pictures.get(self.path)
        self.send_response(200 if data else 404)
        self.send_header("Content-Length", str(len(data or b"")))
        self.end_headers()
        for at in range(0, len(data or b""), 1024):
            self.wfile.write(data[at : at + 1024])
            time.sleep(self.server.pause)


@pytest.fixture
def slow(serve):
    server = serve(handler=_Slow)
    server.pause = 0
    server.handle_error = lambda *_: None
    server.pictures = {f"/{n}.png": noise(n) for n in range(PICTURES) if n % 6}
    return server


@pytest.fixture
def folder(slow, write_release):
    """Two captioners on every picture."""
    rows = (
        {"model": model, "image_name": str(n), "image_url": f"{slow.url}/{n}.png", "image_path_in_repo": None}
        for model in ("atlas", "borea")
        for n in range(PICTURES)
    )
    return write_release(*rows)


@pytest.fixture
def undisturbed(slow, folder, tmp_path, monkeypatch):
    """What a load gives that nothing disturbs, by config."""
    monkeypatch.setattr(huggingface_hub.constants, "HF_HOME", huggingface_hub.constants.HF_HOME)
    found = {config: describe(folder, tmp_path / "undisturbed", config) for config in (None, "captions")}
    assert sum(row["image"] is not None for row in found[None]["rows"]) == 2 * len(slow.pictures)
    assert found[None]["pictures"] == {"distinct": 120, "available": 100, "HTTP 404": 20}
    slow.paths.clear()
    return found


@pytest.mark.smoke
def test_a_load_that_was_killed_again_and_again_ends_like_an_undisturbed_one(
    slow, folder, undisturbed, tmp_path
):
    slow.pause = 0.03
    moments, cut = random.Random(2511), []
    for _ in range(KILLS):
        asked = len(slow.paths)
        load = Load(folder, tmp_path / "home")
        wait_for(lambda asked=asked, load=load: len(slow.paths) > asked or not load.process.is_alive())
        time.sleep(moments.uniform(0, 0.4))
        cut.append(load.kill())
    assert sum(cut) >= KILLS - 1, "the server is too fast for this test"
    slow.paths.clear()
    slow.pause = 0
    assert Load(folder, tmp_path / "home").result() == undisturbed[None]
    assert 0 < len(slow.paths) < PICTURES, "the kills came before the first or after the last picture"


def wait_for(condition, seconds=60):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)


@pytest.mark.parametrize(
    ("configs", "most"), [((None, None), 1), ((None, "captions"), 2)], ids=["same config", "two configs"]
)
def test_two_loads_at_once_into_the_same_cache_are_both_right(
    slow, folder, undisturbed, tmp_path, configs, most
):
    slow.pause = 0.003
    home = tmp_path / "home"
    running = [Load(folder, home, config) for config in configs]
    assert [load.result() for load in running] == [undisturbed[config] for config in configs]
    asked = Counter(slow.paths)
    assert len(asked) == PICTURES
    assert max(asked.values()) <= most
