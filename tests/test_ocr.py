"""The reader of text in pictures: what counts as a quotation, what is read, what it is good for."""

import functools
import io

import datasets
import numpy as np
import pytest
from alignbench_auroc import auroc, summarize
from hypothesis import given
from hypothesis import strategies as st
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
        ("Cars of the '90s and '80s with the drivers' names.", []),
        ("Rock 'n' roll: give 'em the boys' ball.", []),
        ('Two screens, 24" and 32", stand there.', []),
        ('A badge ("STAFF"), a label—“A4”—and “It’s a ‘boy’”.', ["STAFF", "A4", "It’s a ‘boy’"]),
        ('The sign reads "OPEN and the other "CLOSED".', ["CLOSED"]),
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
        ("1914", ["1995"], 0.5, 0.5),
        ("Bank of America", ["Bank"], 4 / 15, 4 / 13),
        ("Buckshot,", ["KENTUCKY HUNTING", "& TRAPPING GUIDE", "SCORE"], 0, 0.5),
        ("A", ["CAT"], 0, 0),
        ("A", ["A", "CAT"], 1, 1),
        ("OPEN", [], 0, 0),
    ],
)
def test_the_share_that_is_read_knows_neither_case_nor_spacing(quoted, lines, low, high):
    assert low <= ocr.share_read(quoted, lines) <= high


def edit_distance(one, other):
    """Levenshtein's, by its definition."""

    @functools.cache
    def distance(i, j):
        if not i or not j:
            return i + j
        changed = distance(i - 1, j - 1) + (one[i - 1] != other[j - 1])
        return min(changed, distance(i - 1, j) + 1, distance(i, j - 1) + 1)

    return distance(len(one), len(other))


@given(st.text("ab ", min_size=1, max_size=7), st.text("abc ", max_size=9))
def test_errors_are_the_least_edit_distance_to_any_stretch_of_the_text(wanted, text):
    stretches = {text[i:j] for i in range(len(text) + 1) for j in range(i, len(text) + 1)}
    assert ocr.errors(wanted, text) == min(edit_distance(wanted, each) for each in stretches)


@pytest.fixture(scope="module")
def reader():
    pytest.importorskip("rapidocr")
    return detectors.build("ocr/rapidocr", {})


def drawn(text, mode="RGB", background="white"):
    picture = Image.new(mode, (320, 120), background)
    ink = (0, 0, 0, 255) if mode == "RGBA" else "black"
    ImageDraw.Draw(picture).text((30, 30), text, fill=ink, font=ImageFont.load_default(size=48))
    return picture


def encoded(picture, file_format="PNG", **options):
    data = io.BytesIO()
    picture.save(data, file_format, **options)
    return data.getvalue()


def sign(text):
    return encoded(drawn(text))


def lying():
    turned = Image.Exif()
    turned[0x0112] = 6  # to be turned by a quarter to the right
    return encoded(drawn("FRESH").rotate(90, expand=True), "JPEG", exif=turned)


@pytest.mark.parametrize(
    "picture",
    [
        lambda: encoded(drawn("FRESH").convert("CMYK"), "JPEG"),
        lambda: encoded(drawn("FRESH").convert("P"), "GIF"),
        lambda: encoded(drawn("FRESH").convert("L"), "WEBP"),
        lambda: encoded(drawn("FRESH", "RGBA", (0, 0, 0, 0))),
        lying,
    ],
    ids=["CMYK", "GIF", "grey", "black on transparent", "EXIF"],
)
def test_text_is_read_in_every_kind_of_picture(reader, picture):
    assert reader.lines(picture()) == ("FRESH",)


def test_what_stands_in_the_picture_scores_above_neutral_and_what_does_not_below(reader):
    sentences = ['It says "FRESH".', 'It says "BROWN".', "It is a sign.", 'It says "FRESH" and "BROWN".']
    caption = Caption("a", "1", "", tuple(Sentence(f"a/1/{i}", text) for i, text in enumerate(sentences)), 0)
    right, wrong, none, half = (score.score for score in reader.score([caption], [sign("FRESH")]))
    assert right == 1
    assert wrong < half < none == ocr.NEUTRAL < right


def test_a_picture_is_read_once_and_what_was_read_is_kept(reader, monkeypatch):
    asked = []
    engine = reader._engine
    monkeypatch.setattr(reader, "_engine", lambda pixels: asked.append(pixels) or engine(pixels))
    sentences = tuple(Sentence(f"a/1/{i}", text) for i, text in enumerate(['It says "SOUP".', 'And "PEAS".']))
    captions = [Caption(name, "1", "", sentences, 0) for name in ("a", "b")]
    found = list(reader.score(captions, [sign("SOUP")] * 2))
    assert [score.raw for score in found] == ["SOUP"] * 4
    assert len(asked) == 1


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
    values, labels = found.aligned(rows["id"]), np.array(rows["label"])
    quotes = np.array([bool(ocr.quotations(sentence)) for sentence in rows["sentence"]])
    assert quotes.sum() == 10
    assert (values[~quotes] == ocr.NEUTRAL).all()
    at = {word: [word in sentence for sentence in rows["sentence"]].index(True) for word in ANSWERS}
    for word, is_read in ANSWERS.items():
        assert (values[at[word]] > ocr.NEUTRAL) == is_read, word
    text = alignbench.HALLUCINATION_TYPES.index("Text")
    wrong = np.array([text in types for types in rows["hallucination_types"]])
    chosen = (labels == 1) | wrong
    images = np.array([f"{c}/{i}" for c, i in zip(rows["captioner"], rows["image_id"], strict=True)])
    on_text = summarize(values[chosen], labels[chosen], image_id=images[chosen])
    assert on_text["n_incorrect"] == 5
    assert on_text["auroc_low"] < 0.5 < on_text["auroc_high"], "five sentences of wrong text prove nothing"
    overall = evaluate(found, rows)
    assert overall["auroc_low"] < overall["auroc"] < overall["auroc_high"]
    assert overall["auroc"] > 0.5


# Large letters that are there, and words that are not.
ANSWERS = {"I am always": True, "Buckshot": False, "MUELLER": False, "Trekstar": False}
