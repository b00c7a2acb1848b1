"""`alignbench browse`, over HTTP: what the server gives, what it refuses, and the page as one file."""

import base64
import hashlib
import http.client
import json
import os
import re
import signal
import socket
import struct
import subprocess
import sys
from functools import partial
from html.parser import HTMLParser

import datasets
import pytest
from browsing import EMOJI, SCRIPT, awkward_release, options, viewer

import alignbench
from alignbench_tools import browse
from alignbench_tools.viewer.columns import columns
from alignbench_tools.viewer.page import FILES, one_file
from alignbench_tools.viewer.pictures import Pictures, embed


@pytest.fixture(scope="module")
def sample():
    with viewer("sample") as server:
        yield server


@pytest.fixture
def awkward(write_release):
    folder = awkward_release(write_release)
    with viewer("--data-dir", folder) as server:
        server.folder = folder
        yield server


def get(server, path, method="GET", **headers):
    """Status, headers and body; the path goes out as it is written."""
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=10)
    connection.request(method, path, headers=headers)
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, answer.headers, body


def data_of(server):
    return json.loads(get(server, "/data.json")[2])


def sentences_of(data, caption):
    first = data["sentences"]["first"]
    return range(first[caption], first[caption + 1])


def test_the_data_say_what_the_rows_say(sample):
    data, captions = data_of(sample), sample.captions
    heads, said, names = data["captions"], data["sentences"], data["names"]
    for number, row in enumerate(captions.remove_columns("image")):
        assert heads["id"][number] == row["id"]
        assert names["captioner"][heads["captioner"][number]] == row["captioner"]
        assert names["domain"][heads["domain"][number]] == row["domain"]
        assert names["direction"][heads["direction"][number]] == alignbench.DIRECTIONS[row["direction"]]
        for place, sentence in zip(sentences_of(data, number), row["sentences"], strict=True):
            assert said["text"][place] == sentence["sentence"]
            assert said["position"][place] == sentence["position"]
            assert names["label"][said["label"][place]] == alignbench.LABELS[sentence["label"]]
            assert said["spans"][place] == [[s["start"], s["end"], s["type"]] for s in sentence["spans"]]
            types = [code for code in range(9) if said["types"][place] >> code & 1]
            assert types == sorted(sentence["hallucination_types"])
            votes = dict(zip(names["label"], said["votes"][place], strict=True))
            assert votes == sentence["votes"]
    assert said["first"][-1] == len(said["text"]) == sum(captions["num_sentences"])


def test_offsets_count_code_points_not_utf16_units(awkward):
    said = data_of(awkward)["sentences"]
    place = said["text"].index(EMOJI)
    assert [EMOJI[start:end] for start, end, _ in said["spans"][place]] == ["red", "ball past"]
    utf16 = EMOJI.encode("utf-16-le")
    assert utf16[2 * said["spans"][place][0][0] :].decode("utf-16-le")[:3] != "red"


def test_what_the_release_does_not_give_is_empty_not_invented(write_release):
    row = {"image_type": None, "n_correct": None, "n_incorrect": None, "n_unknown": None}
    with viewer("--data-dir", write_release(row | {"agreement_ratio": None})) as server:
        data = data_of(server)
    assert data["names"]["domain"] == [""]
    assert (data["sentences"]["votes"], data["sentences"]["agreement"]) == ([None], [None])
    assert data["captions"]["picture"] == [-1]


def test_pictures_are_the_original_bytes(sample):
    rows = sample.captions.cast_column("image", datasets.Image(decode=False))
    for number in data_of(sample)["captions"]["picture"]:
        status, headers, body = get(sample, f"/pictures/{number}")
        with open(rows[number]["image"]["path"], "rb") as file:
            assert (status, headers["Content-Type"], body) == (200, "image/png", file.read())


def test_every_file_of_the_page_is_served_with_its_type_and_a_strict_policy(sample):
    for path, kind in {"": FILES["index.html"], **FILES, "data.json": "application/json"}.items():
        status, headers, body = get(sample, f"/{path}?query")
        assert (status, headers["Content-Type"]) == (200, kind)
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert "unsafe" not in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert int(headers["Content-Length"]) == len(body) > 0


@pytest.mark.parametrize(
    "path",
    [
        "/../setup.cfg",
        "/..%2fsetup.cfg",
        "//etc/passwd",
        "/etc/passwd",
        "/static/index.html",
        "/page.py",
        "/pictures/",
        "/pictures/-1",
        "/pictures/53",
        "/pictures/99999999999999999999",
        "/pictures/0/../../page.py",
        "/pictures/%30",
        "/pictures/%D9%A1",
        "/pictures/0.png",
        "/favicon.ico",
    ],
)
def test_only_files_of_the_page_and_pictures_of_rows_are_given(sample, path):
    status, _, body = get(sample, path)
    assert (status, body) == (404, b"not found\n")


def test_a_row_without_picture_has_none(awkward):
    assert data_of(awkward)["captions"]["picture"] == [0, -1]
    assert get(awkward, "/pictures/1")[0] == 404


def test_a_row_that_names_a_file_that_is_no_picture_gives_nothing_away(awkward, tmp_path):
    secret = tmp_path / "secret.txt"
    secret.write_text("top secret")
    postscript = tmp_path / "page.eps"
    postscript.write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n")
    files = (secret, tmp_path / "gone.png", postscript)
    cells = [{"path": str(path), "bytes": None} for path in files]
    rows = datasets.Dataset.from_dict(
        {"image": cells}, features=datasets.Features({"image": datasets.Image(decode=False)})
    )
    awkward.pictures = Pictures(rows)
    for number in range(len(files)):
        assert get(awkward, f"/pictures/{number}")[0] == 404


def test_a_request_under_another_host_name_is_refused(sample):
    port = sample.server_port
    for host in ("evil.example", f"evil.example:{port}", "127.0.0.1", f"127.0.0.1:{port}.evil.example"):
        status, _, body = get(sample, "/data.json", Host=host)
        assert (status, b"sentences" in body) == (421, False)
    assert get(sample, "/data.json", Host=f"localhost:{port}")[0] == 200


def test_nothing_can_be_sent_to_the_server(sample):
    assert [get(sample, "/", method)[0] for method in ("POST", "PUT", "DELETE")] == [501] * 3
    status, headers, body = get(sample, "/data.json", "HEAD")
    assert (status, body) == (200, b"")
    assert int(headers["Content-Length"]) > 10_000


def test_a_browser_that_hangs_up_is_no_error(sample, capfd):
    for _ in range(5):
        with socket.create_connection(("127.0.0.1", sample.server_port)) as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.sendall(
                f"GET /data.json HTTP/1.1\r\nHost: 127.0.0.1:{sample.server_port}\r\n\r\n".encode()
            )
    assert get(sample, "/")[0] == 200
    assert capfd.readouterr().err == ""


class _Page(HTMLParser):
    """Elements of a page and the text within scripts and styles."""

    def __init__(self, page):
        super().__init__()
        self.elements, self.texts = [(None, {})], []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        self.elements.append((None, {}))

    def handle_data(self, data):
        self.texts.append((self.elements[-1], data))

    def inside(self, tag, **attributes):
        return "".join(text for element, text in self.texts if element == (tag, attributes))


def test_one_page_holds_everything_and_nothing_of_it_runs_but_its_own_script(awkward, tmp_path):
    out = tmp_path / "page.html"
    assert browse.run(options("--data-dir", awkward.folder, "--out", out, "--no-open")) == 0
    page = _Page(out.read_text(encoding="utf-8"))
    scripts = [attributes for tag, attributes in page.elements if tag == "script"]
    assert scripts == [{"id": "data", "type": "application/json"}, {}]
    data = json.loads(page.inside("script", id="data", type="application/json"))
    assert SCRIPT in data["sentences"]["text"]
    [picture] = data["pictures"]
    assert base64.b64decode(picture.removeprefix("data:image/png;base64,")) == get(awkward, "/pictures/0")[2]
    for _, attributes in page.elements:
        for address in (attributes.get("src"), attributes.get("href")):
            assert address is None or address.startswith(("data:", "#"))
    policy = next(a["content"] for _, a in page.elements if a.get("http-equiv") == "Content-Security-Policy")
    for tag in ("script", "style"):
        digest = base64.b64encode(hashlib.sha256(page.inside(tag).encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy


def test_a_picture_that_many_captions_have_is_embedded_once(sample):
    data = embed(data_of(sample), sample.pictures)
    assert len(data["captions"]["picture"]) == 53
    assert len(data["pictures"]) == len(set(data["pictures"])) == len(set(sample.captions["image_id"]))
    assert one_file(data).startswith(b"<!doctype html>")


def test_a_page_that_would_grow_too_large_is_refused_and_leaves_the_old_one(sample, tmp_path, monkeypatch):
    out = tmp_path / "page.html"
    out.write_text("old")
    monkeypatch.setattr(browse, "embed", lambda data, pictures: embed(data, pictures, limit=1 << 10))
    with pytest.raises(ValueError, match="leave out --out, which serves them"):
        browse.run(options("sample", "--out", out, "--no-open"))
    assert [path.name for path in tmp_path.iterdir()] == ["page.html"]
    assert out.read_text() == "old"


def test_parquet_with_pictures_inside_is_browsed_like_the_release(sample, tmp_path):
    (tmp_path / "captions").mkdir()
    rows = sample.captions.cast_column("image", datasets.Image(decode=False))

    def embedded(row):
        with open(row["image"]["path"], "rb") as file:
            return {"image": {"path": None, "bytes": file.read()}}

    rows.map(embedded).cast_column("image", datasets.Image()).to_parquet(tmp_path / "captions/test.parquet")
    (tmp_path / "README.md").write_text(
        "---\nconfigs:\n- config_name: captions\n"
        "  data_files:\n  - split: test\n    path: captions/*.parquet\n---\n"
    )
    with viewer("--parquet", tmp_path) as server:
        ours, theirs = data_of(server), data_of(sample)
        assert {**ours, "source": None} == {**theirs, "source": None}
        assert get(server, "/pictures/7")[2] == get(sample, "/pictures/7")[2]


def test_rows_of_another_config_are_refused(sample):
    rows = datasets.load_dataset("alignbench", "sample", split="test")
    with pytest.raises(ValueError, match="expected rows of config 'captions', got rows without sentences"):
        columns(rows, "sentences")


def test_a_span_that_is_not_in_its_sentence_is_refused(sample):
    def shift(row):
        return {"sentences": [{**s, "sentence": f"So {s['sentence']}"} for s in row["sentences"]]}

    rows = sample.captions.map(shift, features=sample.captions.features)
    with pytest.raises(
        ValueError, match=r"^\w+/\w+/\d: span \d+ to \d+: expected '.+', got '.*' in the sentence"
    ):
        columns(rows, "changed")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["sample", "--data-dir", "x"], "sample is a release of its own; leave out --data-dir"),
        (["--parquet", "x", "--image-dir", "coco=y"], "--parquet is .* leave out --image-dir"),
        (["sample", "--parquet", "x", "--images", "skip", "--retry"], "leave out --images, --retry, sample"),
        (["--parquet", "no/such/folder"], "--parquet no/such/folder: no such folder"),
    ],
)
def test_options_that_cannot_be_meant_are_refused(arguments, message):
    with pytest.raises((ValueError, OSError), match=message):
        browse.load(options(*arguments))


def test_a_page_in_a_folder_that_is_not_there_is_refused_before_loading(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"--out .*/new/page.html: no such folder; make it first"):
        browse.run(options("--data-dir", "unread", "--out", tmp_path / "new/page.html"))


def test_a_port_that_is_taken_is_an_error_if_asked_for_and_left_alone_if_not(sample, monkeypatch):
    taken = sample.server_port
    with pytest.raises(OSError, match=f"--port {taken}: .*; give another, or 0 for a free one"):
        browse.bind({}, sample.pictures, taken)
    monkeypatch.setattr(browse, "PORT", taken)
    with browse.bind({}, sample.pictures, None) as other:
        assert other.server_port != taken
    with pytest.raises(ValueError, match="--port 70000: expected 0 to 65535"):
        browse.bind({}, sample.pictures, 70000)


@pytest.mark.smoke
def test_the_command_serves_until_interrupted(tmp_path):
    command = [sys.executable, "-m", "alignbench_tools", "browse", "sample", "--no-open", "--port", "0"]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "HF_HOME": str(tmp_path)},
        # Where the tests run in the background, Ctrl+C is ignored, and children inherit that.
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    ) as process:
        said = process.stdout.readline()
        port = int(re.fullmatch(r"53 captions at http://127\.0\.0\.1:(\d+)/ \(Ctrl\+C ends\)\n", said)[1])
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        connection.request("GET", "/")
        assert b"AlignBench" in connection.getresponse().read()
        connection.close()
        process.send_signal(signal.SIGINT)
        try:
            assert process.wait(10) == 0
        finally:
            process.kill()
