"""The store of pictures by URL: fetched once, checked, kept as they came, and failures remembered."""

import shutil
import socket
import ssl
import subprocess

import pytest
from pictures import EPS, HTML, bomb, drip, hang, picture, redirect
from PIL import Image

import alignbench


def test_two_urls_with_the_same_bytes_share_a_file(site, store):
    site.answers = {"/a.png": picture(1), "/b.png": picture(1)}
    assert store.get(f"{site.url}/a.png") == store.get(f"{site.url}/b.png")
    assert len(list((store.root / "files").iterdir())) == 1


@pytest.mark.smoke
def test_the_bytes_that_came_are_kept(site, store):
    kinds = {"PNG": "png", "JPEG": "jpeg", "GIF": "gif", "WEBP": "webp", "BMP": "bmp", "TIFF": "tiff"}
    for kind, suffix in kinds.items():
        site.answers[f"/{kind}"] = picture(3, kind) + b"trailing bytes that an encoder would not write"
        path = store.get(f"{site.url}/{kind}")
        assert path.read_bytes() == site.answers[f"/{kind}"]
        assert path.suffix == f".{suffix}"


@pytest.mark.parametrize(
    ("answer", "reason", "tries"),
    [
        pytest.param(404, "HTTP 404", 1, id="404"),
        pytest.param(410, "HTTP 410", 1, id="410"),
        pytest.param(403, "HTTP 403", 1, id="403"),
        pytest.param(500, "HTTP 500", 3, id="500"),
        pytest.param(429, "HTTP 429", 3, id="429"),
        pytest.param(hang, "timeout", 3, id="no answer"),
        pytest.param(drip, "timeout", 3, id="endless trickle"),
        pytest.param(lambda h: h.reply(200, picture(1), length=10**6), "connection lost", 3, id="cut"),
        pytest.param(lambda h: h.wfile.write(b"SSH-2.0\r\n"), "connection lost", 3, id="not HTTP"),
        pytest.param(HTML, "not an image", 1, id="HTML"),
        pytest.param(b"", "not an image", 1, id="empty"),
        pytest.param(EPS, "not an image", 1, id="EPS"),
        pytest.param(picture(1, "JPEG")[:-40], "damaged image", 1, id="truncated JPEG"),
        pytest.param(picture(1)[:-40], "damaged image", 1, id="truncated PNG"),
        pytest.param(bomb(30_000), "decompression bomb", 1, id="bomb"),
        pytest.param(bomb(12_000), "decompression bomb", 1, id="bomb that Pillow lets pass"),
        pytest.param(picture(1, size=(200, 200)), "too large", 1, id="too large"),
        pytest.param(redirect("file:///etc/hostname"), "redirect to other than http(s)", 1, id="to file"),
        pytest.param(redirect("ftp://127.0.0.1/a.png"), "redirect to other than http(s)", 1, id="to ftp"),
        pytest.param(redirect("data:image/png,x"), "redirect to other than http(s)", 1, id="to data"),
        pytest.param(redirect("http://["), "malformed URL", 1, id="to malformed"),
        pytest.param(redirect("/answer"), "HTTP 302", None, id="redirect loop"),
    ],
)
@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_a_picture_that_cannot_be_had_has_a_reason_and_is_remembered(
    site, store, monkeypatch, answer, reason, tries
):
    monkeypatch.setattr(alignbench, "_SOCKET_SECONDS", 0.2)
    monkeypatch.setattr(alignbench, "_PICTURE_SECONDS", 0.3)
    monkeypatch.setattr(alignbench, "MAX_PICTURE_BYTES", 20_000)
    site.answers = {"/answer": answer}
    for _ in range(2):
        with pytest.raises(alignbench.Unavailable) as failure:
            store.get(f"{site.url}/answer")
        assert str(failure.value) == reason
        if tries:
            assert len(site.paths) == tries
    assert not list((store.root / "files").glob("*"))


def test_a_server_that_recovers_is_asked_again(site, store):
    site.answers = {"/a.png": [500, 503, picture(1)]}
    assert store.get(f"{site.url}/a.png").read_bytes() == picture(1)
    assert site.paths == ["/a.png"] * 3


def test_a_redirect_to_http_is_followed(site, store):
    site.answers = {"/old": redirect("/moved"), "/moved": redirect(f"{site.url}/a b.png")}
    site.answers["/a%20b.png"] = picture(1)
    assert store.get(f"{site.url}/old").read_bytes() == picture(1)


def test_a_refused_connection_is_a_reason(store):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/a.png"
        with pytest.raises(alignbench.Unavailable, match=r"^connection refused$"):
            store.get(url)


@pytest.mark.parametrize(
    "url",
    [
        "http://a..b/a.png",
        f"http://{'a' * 70}.invalid/a.png",
        "http://127.0.0.1 /a.png",
    ],
)
def test_a_malformed_url_is_a_reason(store, url):
    with pytest.raises(alignbench.Unavailable, match=r"^malformed URL$"):
        store.get(url)


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/hostname",
        "ftp://127.0.0.1/a.png",
        "data:image/png,x",
        "a.png",
        "http:///a.png",
        "http://[::1/a.png",
        "http://127.0.0.1:99999/a.png",
        "http://127.0.0.1:port/a.png",
    ],
)
def test_only_http_is_fetched(store, url):
    with pytest.raises(alignbench.Unavailable, match=r"^no http\(s\) URL$"):
        store.get(url)


def test_a_url_may_hold_spaces_and_letters_of_any_language(site, store):
    site.answers = {"/%C3%A4%20b%25.png?q=%E2%82%AC&r=1": picture(1)}
    assert store.get(f"{site.url}/ä b%25.png?q=€&r=1#part").read_bytes() == picture(1)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda record, _: record.write_bytes(b'{"url": "http'),
        lambda record, _: record.write_bytes(b""),
        lambda record, _: record.write_bytes(b"[1]"),
        lambda record, _: record.write_bytes(b'["file"]'),
        lambda record, _: record.write_bytes(b'{"url": "x"}'),
        lambda record, _: record.write_bytes(b'{"file": "x.png"}'),
        lambda record, _: record.write_bytes(b"\xff\xfe"),
        lambda _, file: file.write_bytes(b"half"),
        lambda _, file: file.unlink(),
    ],
)
def test_what_was_spoilt_in_the_store_is_fetched_anew(site, store, spoil):
    site.answers = {"/a.png": picture(1)}
    path = store.get(f"{site.url}/a.png")
    (record,) = (store.root / "urls").iterdir()
    spoil(record, path)
    assert store.get(f"{site.url}/a.png").read_bytes() == picture(1)
    assert site.paths == ["/a.png"] * 2
    assert store.get(f"{site.url}/a.png") == path
    assert site.paths == ["/a.png"] * 2


def test_an_untrusted_certificate_is_a_reason(site, store, tmp_path):
    if not shutil.which("openssl"):
        pytest.skip("no openssl here to make a certificate")
    make = "openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=localhost -keyout key -out certificate"
    subprocess.run(make.split(), cwd=tmp_path, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "certificate", tmp_path / "key")
    site.socket = context.wrap_socket(site.socket, server_side=True)
    with pytest.raises(alignbench.Unavailable, match=r"^untrusted certificate$"):
        store.get(f"https://localhost:{site.server_port}/a.png")


@pytest.mark.smoke
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP"])
def test_a_picture_is_checked_from_bytes_and_from_a_file(tmp_path, kind):
    data = picture(1, kind)
    (tmp_path / "picture").write_bytes(data)
    assert alignbench.check_picture(data) == alignbench.check_picture(tmp_path / "picture") == kind


@pytest.mark.filterwarnings("error")
def test_a_bomb_is_refused_whatever_limit_pillow_has(monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
    with pytest.raises(alignbench.Unavailable, match=r"^decompression bomb$"):
        alignbench.check_picture(bomb(60_000))


@pytest.mark.parametrize("cut", [50, 100, 200])
def test_a_picture_is_decoded_to_its_last_row(cut):
    with pytest.raises(alignbench.Unavailable, match=r"^damaged image$"):
        alignbench.check_picture(picture(1, "JPEG")[:-cut])
