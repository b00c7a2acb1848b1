"""The page and its gallery: what is on it, that it is safe, and that it holds everything itself."""

import html
import io
import json
import re
from base64 import b64decode

import datasets
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from reports import (  # noqa: F401
    HOSTILE,
    noisy,
    parse,
    row_of,
    run,
    sample_data,
    table_of,
    without_figures,
    write,
)

import alignbench
from alignbench_tools import protocols
from alignbench_tools.reporting import data as data_of
from alignbench_tools.reporting import gallery, inputs, tables
from alignbench_tools.reporting.thumbnails import SIDE, fetch, thumbnail


@pytest.fixture(scope="module")
def sample():
    return datasets.load_dataset("alignbench", "sample", split="test")


@pytest.fixture(scope="module")
def data():
    return sample_data()


@pytest.fixture(scope="module")
def entry(sample, data, tmp_path_factory):
    path = write(tmp_path_factory.mktemp("scores"), sample, "looker", noisy(sample, 1))
    return inputs.entries([path], [inputs.read(path)], data)[0]


@pytest.fixture(scope="module")
def made(sample, tmp_path_factory):
    """A page of two detectors, one with a name that would run if it could."""
    folder = tmp_path_factory.mktemp("page")
    paths = [
        write(folder, sample, HOSTILE, noisy(sample, 1), "a"),
        write(folder, sample, "b", noisy(sample, 2)),
    ]
    run(*paths, "--sample", "--with-paper", "--out", folder / "r.html", "--tables", folder / "tables")
    return folder


def test_the_page_prints_the_metrics_numbers(made, sample, data):
    path = made / "b.jsonl"
    (expected,) = inputs.entries([path], [inputs.read(path)], data)
    row = row_of(made / "r.html", "b")
    keys = [*data.captioners, "mean"]
    for cell, key in zip(row[2:], keys, strict=True):
        found = expected.result if key == "mean" else expected.result["captioners"][key]
        assert float(cell["value"]) == found["auroc"]
        limits = f"{100 * found['auroc_low']:.1f}–{100 * found['auroc_high']:.1f}"
        assert re.sub("ns", "", cell["text"]) == f"{100 * found['auroc']:.1f}{limits}"


def test_a_detectors_name_is_text_wherever_it_stands(made):
    page = (made / "r.html").read_text()
    assert any(row and row[0]["text"] == HOSTILE for row in table_of(made / "r.html"))
    assert page.count("<script>") == 1
    assert "<script>alert" not in page


def test_the_page_asks_nothing_of_any_host_and_forbids_it(made):
    page = (made / "r.html").read_text()
    links = re.findall(r"""<[^>]*?\b(?:src|href|action|poster|data|srcset)="([^"]*)""", page)
    assert links
    assert [link for link in links if not link.startswith(("data:image/", "#"))] == []
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)
    assert policy.startswith("default-src &#39;none&#39;")
    assert "unsafe" not in policy
    assert "http" not in policy
    assert "url(" not in page
    assert "@import" not in page
    assert re.findall(r"\son\w+=|\sstyle=", re.sub(r"<pre.*?</pre>", "", page, flags=re.S)) == []


def test_the_tables_are_written_beside_the_page(made):
    found = {path.name: path.read_text() for path in (made / "tables").iterdir()}
    assert sorted(found) == ["leaderboard.csv", "leaderboard.md", "leaderboard.tex"]
    page = (made / "r.html").read_text()
    assert all(tables.published_head() in text for name, text in found.items() if name != "leaderboard.csv")
    assert page.count("not measured here") == 3


def test_the_page_says_where_its_numbers_come_from(made, data):
    page = (made / "r.html").read_text()
    for text in (data.sentences.digest, data.read["captioners"]["atlas"]["digest"], "embedded sample"):
        assert text in page
    assert "7 sentences labelled unknown were dropped" in page


@pytest.mark.usefixtures("without_figures")
def test_provenance_has_protocol_model_and_counts(sample, tmp_path):
    values = noisy(sample, 1)
    values[:2] = np.nan
    digest = protocols.load("p-yes").digest
    asked = {"model": "openai/gpt-4o", "protocol": "p-yes", "protocol_digest": digest}
    header = {**asked, "usage": {"calls": 215}, "parameters": {"temperature": 0}}
    path = write(tmp_path, sample, "looker", values, **header)
    run(path, "--sample", "--missing", "worst", "--out", tmp_path / "r.html")
    page = re.sub(r"<[^>]*>", " ", (tmp_path / "r.html").read_text().partition('id="provenance"')[2])
    text = " ".join(html.unescape(page).split())
    assert " ".join(protocols.load("p-yes").template.split()) in text
    for expected in (
        "model openai/gpt-4o", f"protocol p-yes {digest}", "temperature 0", "calls 215", "scored 215",
        "refused 2", "missing worst",
    ):  # fmt: skip
        assert expected in text


@pytest.mark.usefixtures("without_figures")
def test_a_prompt_that_is_not_of_this_package_is_said_to_be_unknown(sample, tmp_path):
    path = write(tmp_path, sample, "looker", noisy(sample, 1), protocol="mine", protocol_digest="0" * 16)
    run(path, "--sample", "--out", tmp_path / "r.html")
    page = (tmp_path / "r.html").read_text()
    assert f"mine, digest {'0' * 16}: not a prompt of this package" in page


def strata(dataset, label):
    """{(captioner, type): rows}, by going through the rows."""
    found = {}
    for number, row in enumerate(dataset.remove_columns("image")):
        if row["label"] == label:
            types = [alignbench.HALLUCINATION_TYPES[code] for code in row["hallucination_types"]]
            for kind in (types or [gallery.UNTYPED]) if label == 0 else [""]:
                found.setdefault((row["captioner"], kind), []).append(number)
    return found


def test_the_first_of_each_type_and_captioner_is_its_highest_incorrect_sentence(sample, data, entry):
    shown = [mistake for mistake in gallery.mistakes(entry, data, 200) if mistake.label == 0]
    for (captioner, kind), rows in strata(sample, 0).items():
        highest = max(rows, key=lambda row: entry.scores[row])
        of_these = [m.row for m in shown if m.captioner == captioner and kind in m.types]
        correct = [r for r in strata(sample, 1)[captioner, ""]]
        if entry.scores[highest] > entry.scores[correct].min():
            assert highest in of_these
        assert set(of_these) <= set(rows)
    groups = {}
    for mistake in shown:
        groups.setdefault((mistake.captioner, mistake.types), []).append(mistake.score)
    assert max(map(len, groups.values())) > 2
    assert all(scores == sorted(scores, reverse=True) for scores in groups.values())


def test_the_correct_ones_of_a_captioner_begin_with_its_lowest(sample, data, entry):
    shown = [mistake for mistake in gallery.mistakes(entry, data, 60) if mistake.label == 1]
    for (captioner, _), rows in strata(sample, 1).items():
        first = next(mistake.row for mistake in shown if mistake.captioner == captioner)
        assert first == min(rows, key=lambda row: entry.scores[row])


def test_score_rank_and_share_are_those_among_the_captioners_labelled_sentences(sample, data, entry):
    labels, captioner = np.array(sample["label"]), np.array(sample["captioner"])
    for mistake in gallery.mistakes(entry, data, 60):
        others = np.flatnonzero((labels != 2) & (captioner == mistake.captioner))
        assert mistake.score == entry.scores[mistake.row]
        assert mistake.rank == 1 + sum(entry.scores[others] > mistake.score)
        assert mistake.total == len(others)
        against = entry.scores[others[labels[others] == 1 - mistake.label]]
        lost = against < mistake.score if mistake.label == 0 else against > mistake.score
        assert mistake.beaten == pytest.approx(lost.mean())
        assert mistake.beaten > 0


@pytest.mark.parametrize("number", [1, 7, 60])
def test_the_gallery_is_as_large_as_asked_and_shows_no_sentence_twice(data, entry, number):
    rows = [mistake.row for mistake in gallery.mistakes(entry, data, number)]
    assert len(rows) == len(set(rows)) == number


def test_types_and_captioners_have_their_share(data, entry):
    shown = [mistake for mistake in gallery.mistakes(entry, data, 36) if mistake.label == 0]
    types = [kind for mistake in shown for kind in mistake.types]
    assert set(alignbench.HALLUCINATION_TYPES) <= set(types)
    counts = [sum(m.captioner == name for m in shown) for name in data.captioners]
    assert max(counts) - min(counts) <= 4


@pytest.mark.usefixtures("without_figures")
def test_a_perfect_detector_has_no_mistakes_and_the_page_says_so(sample, data, tmp_path):
    path = write(tmp_path, sample, "oracle", (np.array(sample["label"]) == 1).astype(float))
    (oracle,) = inputs.entries([path], [inputs.read(path)], data)
    assert gallery.mistakes(oracle, data, 60) == []
    run(path, "--sample", "--out", tmp_path / "r.html")
    assert (
        "oracle: every correct sentence scores above every incorrect one" in (tmp_path / "r.html").read_text()
    )


@given(st.text(max_size=20), st.data())
def test_the_pieces_of_a_sentence_are_the_sentence_and_mark_its_spans(sentence, drawn):
    place = st.integers(0, len(sentence))
    spans = [
        {"start": min(ends), "end": max(ends), "type": kind}
        for ends, kind in drawn.draw(
            st.lists(st.tuples(st.tuples(place, place), st.none() | st.integers(0, 8)), max_size=4)
        )
    ]
    pieces = list(gallery.pieces(sentence, spans))
    assert "".join(piece.text for piece in pieces) == sentence
    at = 0
    for piece in pieces:
        for offset in range(at, at + len(piece.text)):
            over = {span["type"] for span in spans if span["start"] <= offset < span["end"]}
            names = {gallery.UNTYPED if k is None else alignbench.HALLUCINATION_TYPES[k] for k in over}
            assert set(piece.types) == names
        at += len(piece.text)


def test_thumbnails_are_small_upright_and_on_white(tmp_path):
    turned = Image.new("RGB", (1000, 500), "red")
    exif = Image.Exif()
    exif[274] = 6  # the camera was held upright
    turned.save(tmp_path / "turned.jpg", exif=exif)
    Image.new("RGBA", (10, 20), (0, 0, 0, 0)).save(tmp_path / "clear.png")
    (tmp_path / "text.png").write_text("no picture")

    def shown(name):
        url = thumbnail(tmp_path / name)
        return url and Image.open(io.BytesIO(b64decode(url.partition(",")[2])))

    assert shown("turned.jpg").size == (SIDE // 2, SIDE)
    assert (shown("clear.png").size, shown("clear.png").getpixel((0, 0))) == ((10, 20), (255, 255, 255))
    assert shown("text.png") is None


def test_only_the_pictures_of_the_gallery_are_looked_for(write_release, site, store):
    rows = [
        {
            "image_name": str(n),
            "annotation": ("correct", "incorrect")[n % 2],
            "image_url": f"{site.url}/{n}.png",
            "image_path_in_repo": None,
        }
        for n in range(6)
    ]
    folder = write_release(*rows)
    picture = io.BytesIO()
    Image.new("RGB", (8, 8), "blue").save(picture, "PNG")
    site.answers = {"/2.png": picture.getvalue(), "/5.png": 404}
    found = fetch(parse("x", "--data-dir", folder), ["atlas/2/0", "atlas/5/0"])
    assert list(found.urls) == ["atlas/2/0"]
    assert found.outcomes["available"] == 1
    assert sorted(site.paths) == ["/2.png", "/5.png"]


def without_pictures(write_release):
    return write_release(
        *({"image_name": str(n), "annotation": ("correct", "incorrect")[n % 2]} for n in range(8))
    )


def scores_for(folder, path):
    data = data_of.load(parse("x", "--data-dir", folder))
    lines = [{"id": key, "score": -place} for place, key in enumerate(data.table["id"].to_pylist())]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


@pytest.mark.usefixtures("without_figures")
def test_a_page_without_pictures_says_why(write_release, tmp_path):
    folder = without_pictures(write_release)
    path = scores_for(folder, tmp_path / "down.jsonl")
    run(path, "--data-dir", folder, "--out", tmp_path / "r.html")
    page = (tmp_path / "r.html").read_text()
    assert "1 of 1 picture could not be had: no such file 1." in page
    assert 'class="card"' in page
    assert "<img" not in page.partition('id="mistakes"')[2]
    run(path, "--data-dir", folder, "--images", "skip", "--out", tmp_path / "r.html")
    assert "Pictures were left out (--images skip)." in (tmp_path / "r.html").read_text()


def test_the_pictures_of_the_sample_are_on_the_page(made):
    page = (made / "r.html").read_text().partition('id="mistakes"')[2]
    assert page.count('class="card"') == gallery.CARDS
    assert page.count('<img src="data:image/jpeg;base64,') == gallery.CARDS
    assert (made / "r.html").stat().st_size < 10 << 20
