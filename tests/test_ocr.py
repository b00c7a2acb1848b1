"""The reader of text in pictures: what counts as a quotation, what is read, what it is good for."""

import io

import datasets
import numpy as np
import pytest
from alignbench_auroc import auroc, summarize
from PIL import Image, ImageDraw, ImageFont

import alignbench
from alignbench_tools import detectors, scoring
from alignbench_tools.captions import Caption, Captions, Sentence
from alignbench_tools.detectors import ocr
from alignbench_tools.evaluate import evaluate


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ('The sign reads "OPEN".', ["OPEN"]),
        ("The sign reads “OPEN”.", ["OPEN"]),
        ('The word "MILK” is on the can.', ["MILK"]),
        ("A label that reads “Buckshot,” is there.", ["Buckshot,"]),
        ("The text ‘MUELLER’ and ‘1914’ is on it.", ["MUELLER", "1914"]),
        ("The number '33’ is on its front, heading towards ‘Castro’.", ["33", "Castro"]),
        ("A sign says 'Don't walk'.", ["Don't walk"]),
        ("The man's hat and the dogs' bowls are red; it isn't new.", []),
        ("The microwave‘s insides are lit.", []),
        ("A 5'10\" man stands there.", []),
        ('Empty "" quotes.', []),
        ("«Gare» is written there.", ["Gare"]),
        ("No quotation.", []),
    ],
)
def test_quotations_are_found_and_apostrophes_are_none(sentence, expected):
    assert ocr.quotations(sentence) == expected


@pytest.mark.parametrize(
    ("quoted", "lines", "low", "high"),
    [
        ("OPEN", ["open"], 1, 1),
        ("Bank of America", ["BANKOFAMERICA"], 1, 1),
        ("Café", ["CAFE", "BAR"], 1, 1),
        ("Hunting & Trapping", ["KENTUCKY HUNTING", "& TRAPPING GUIDE"], 1, 1),
        ("BAKERY", ["BAKERV"], 0.8, 0.95),
        ("CLOSED", ["OPEN"], 0, 0.5),
        ("A", ["CAT"], 0, 0),
        ("A", ["A", "CAT"], 1, 1),
        ("OPEN", [], 0, 0),
    ],
)
def test_the_share_that_is_read_knows_neither_case_nor_spacing(quoted, lines, low, high):
    pytest.importorskip("rapidfuzz")
    assert low <= ocr.share_read(quoted, lines) <= high


@pytest.fixture(scope="module")
def reader():
    pytest.importorskip("rapidocr")
    return detectors.build("ocr/rapidocr", {})


def sign(text):
    picture = Image.new("RGB", (320, 120), "white")
    ImageDraw.Draw(picture).text((30, 30), text, fill="black", font=ImageFont.load_default(size=48))
    data = io.BytesIO()
    picture.save(data, "PNG")
    return data.getvalue()


def test_what_stands_in_the_picture_scores_above_neutral_and_what_does_not_below(reader):
    sentences = ['It says "FRESH".', 'It says "BROWN".', "It is a sign.", 'It says "FRESH" and "BROWN".']
    caption = Caption("a", "1", "", tuple(Sentence(f"a/1/{i}", text) for i, text in enumerate(sentences)), 0)
    right, wrong, none, half = (score.score for score in reader.score([caption], [sign("FRESH")]))
    assert right == 1
    assert wrong < none == ocr.NEUTRAL < half < right


def test_bytes_that_are_no_picture_are_an_error_of_the_sentence(reader):
    caption = Caption("a", "1", "", (Sentence("a/1/0", 'It says "A lot".'),), 0)
    (score,) = reader.score([caption], [b"no picture"])
    assert (score.status, score.score) == ("error", None)
    assert "cannot be read" in score.raw


def test_on_drawn_pictures_quoted_text_that_is_wrong_is_told_from_what_is_right(reader, tmp_path):
    sample = datasets.load_dataset("alignbench", "sample", split="test")
    found = scoring.run(reader, Captions(sample), tmp_path / "s.jsonl", progress=False)
    assert found.counts() == {"ok": 217}
    values, labels = found.aligned(sample["id"]), np.array(sample["label"])
    text = alignbench.HALLUCINATION_TYPES.index("Text")
    quotes = np.array([bool(ocr.quotations(sentence)) for sentence in sample["sentence"]])
    wrong = np.array([text in types for types in sample["hallucination_types"]])
    chosen = quotes & (wrong | (labels == 1))
    assert wrong[chosen].sum() >= 3
    assert auroc(values[chosen], labels[chosen]) > 0.9
    assert (values[~quotes] == ocr.NEUTRAL).all()


def test_on_real_pictures_the_slice_is_read_and_the_interval_says_how_little_it_proves(
    reader, figures, serve, tmp_path
):
    try:
        serve(figures / "url_images", port=8765)
    except OSError:
        pytest.skip("port 8765, where the slice's pictures must be served, is taken")
    rows = datasets.load_dataset("alignbench", data_dir=str(figures), split="test", cache_dir=str(tmp_path))
    found = scoring.run(reader, Captions(rows), tmp_path / "s.jsonl", progress=False)
    assert found.counts() == {"ok": 124}
    assert any("I am always with you..." in (row.raw or "") for row in found.rows())
    overall = evaluate(found, rows)
    text = alignbench.HALLUCINATION_TYPES.index("Text")
    labels, wrong = (
        np.array(rows["label"]),
        np.array([text in types for types in rows["hallucination_types"]]),
    )
    chosen = (labels == 1) | wrong
    images = np.array([f"{c}/{i}" for c, i in zip(rows["captioner"], rows["image_id"], strict=True)])
    on_text = summarize(found.aligned(rows["id"])[chosen], labels[chosen], image_id=images[chosen])
    assert on_text["n_incorrect"] == 5
    for result in (overall, on_text):
        assert result["auroc_low"] < result["auroc"] < result["auroc_high"]
        assert result["auroc_low"] < 0.5, "five sentences of wrong text prove nothing"
