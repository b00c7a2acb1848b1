"""Dual encoders and matching heads, on tiny models with random weights."""

import importlib.util
import io
import itertools
import random

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

import numpy as np
import safetensors.torch
import tiny_models
import transformers
from PIL import Image
from tiny_models import caption, picture

from alignbench_tools import detectors

KINDS = [
    kind
    for kind, name in {"clip": "CLIPModel", "siglip": "SiglipModel", "siglip2": "Siglip2Tokenizer",
                       "blip": "BlipForImageTextRetrieval", "blip2": "Blip2ForImageTextRetrieval"}.items()
    if hasattr(transformers, name)
]  # fmt: skip
TEXTS = [
    "a red picture",
    "the picture is blue",
    "green",
    "a yellow picture with a red and a blue picture . yellow",
    "red and green",
    "a picture on the blue picture",
]
CPU = {"device": "cpu"}
WINDOW = dict.fromkeys(KINDS, 16) | {"siglip2": 64}


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("models")
    return {kind: str(tiny_models.save(kind, root / kind, WINDOW[kind])) for kind in KINDS}


@pytest.fixture(scope="module")
def asked():
    """Captions of two captioners on the same four pictures, and the pictures."""
    names = list(tiny_models.COLORS)
    shown = [picture(color, seed, size) for seed, (color, size) in
             enumerate(zip(names, [(40, 36), (64, 32), (32, 64), (33, 33)], strict=True))]  # fmt: skip
    captions = [
        caption(place, *TEXTS[place:], captioner=captioner)
        for captioner in ("terse", "wordy")
        for place in range(4)
    ]
    return captions, shown * 2


def scores(detector, captions, pictures):
    return {score.id: score.score for score in detector.score(captions, pictures)}


@pytest.mark.parametrize("kind", KINDS)
def test_batch_size_order_and_company_change_no_score(kind, folders, asked):
    captions, pictures = asked
    together = scores(detectors.build(f"clip/{folders[kind]}", CPU), captions, pictures)
    single = detectors.build(f"clip/{folders[kind]}", CPU | {"batch_size": 1})
    alone = {}
    shuffled = list(zip(captions, pictures, strict=True))
    random.Random(0).shuffle(shuffled)
    for each, shown in shuffled:
        alone |= scores(single, [each], [shown])
    assert len(set(together.values())) > 15  # the random model does not say the same of everything
    assert alone == pytest.approx(together, abs=1e-5)


def _reference(kind, folder, picture, text):
    """The score through the library's own forward pass, a picture and a text at a time."""
    shown = Image.open(io.BytesIO(picture)).convert("RGB")
    model_class = {"blip": "BlipForImageTextRetrieval", "blip2": "Blip2ForImageTextRetrieval"}
    model = getattr(transformers, model_class.get(kind, "AutoModel")).from_pretrained(folder).eval()
    pixels = tiny_models.seeded(kind, WINDOW[kind])[1](images=shown, return_tensors="pt")
    padding = "max_length" if kind.startswith("siglip") else True
    tokens = transformers.AutoTokenizer.from_pretrained(folder)(
        [text], return_tensors="pt", truncation=True, padding=padding
    )
    with torch.no_grad():
        if kind == "blip":
            out = model(**pixels, **tokens, use_itm_head=True).itm_score
            return float(out[0, 1] - out[0, 0])
        if kind == "blip2":
            out = model(**pixels, **tokens, use_image_text_matching_head=True).logits_per_image
            return float(out[0, 1] - out[0, 0])
        out = model(**pixels, **tokens)
        return float((out.image_embeds * out.text_embeds).sum())


@pytest.mark.parametrize("kind", KINDS)
def test_scores_are_those_of_the_models_own_forward_pass(kind, folders, asked):
    captions, pictures = asked
    found = scores(detectors.build(f"clip/{folders[kind]}", CPU), captions[:4], pictures[:4])
    for each, shown in zip(captions[:4], pictures[:4], strict=True):
        for sentence in each.sentences[:2]:
            expected = _reference(kind, folders[kind], shown, sentence.text)
            assert found[sentence.id] == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_saved_and_loaded_again_a_model_says_the_same(kind, folders, asked, tmp_path):
    captions, pictures = asked
    first = detectors.build(f"clip/{folders[kind]}", CPU)
    tiny_models.save(kind, tmp_path, WINDOW[kind])
    again = detectors.build(f"clip/{tmp_path}", CPU)
    assert scores(first, captions, pictures) == scores(again, captions, pictures)
    assert first.identity()["parameters"] == again.identity()["parameters"]


@pytest.mark.parametrize("kind", ["clip", "siglip", "blip"])
def test_four_pairs_are_learned_to_a_perfect_ranking(kind, tmp_path):
    names = list(tiny_models.COLORS)
    shown = [picture(color, seed) for seed, color in enumerate(names)]
    texts = [f"a {color} picture" for color in names]
    model, processor = tiny_models.seeded(kind, 16)
    tokens = tiny_models.tokenizer(16)
    padding = "max_length" if kind == "siglip" else True
    pixels = processor(images=[Image.open(io.BytesIO(each)) for each in shown], return_tensors="pt")
    words = tokens(texts, padding=padding, return_tensors="pt")
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    for _ in range(100):
        loss = torch.nn.functional.cross_entropy(_logits(kind, model, pixels, words), torch.arange(4))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if loss < 0.05:
            break
    for part in (model, processor, tokens):
        part.save_pretrained(tmp_path)
    captions = [caption(place, *texts) for place in range(4)]
    found = scores(detectors.build(f"clip/{tmp_path}", CPU), captions, shown)
    for picture_place, text_place in itertools.product(range(4), repeat=2):
        if picture_place != text_place:
            assert (
                found[f"terse/{picture_place}/{picture_place}"] > found[f"terse/{picture_place}/{text_place}"]
            )


def _logits(kind, model, pixels, words):
    """Of every picture with every text, (4, 4)."""
    if kind != "blip":
        return model(**pixels, **words).logits_per_image
    pairs = {key: value.repeat_interleave(4, 0) for key, value in pixels.items()}
    out = model(**pairs, **{key: value.repeat(4, 1) for key, value in words.items()}).itm_score
    return (out[:, 1] - out[:, 0]).reshape(4, 4)


@pytest.mark.parametrize("kind", KINDS)
def test_a_sentence_beyond_the_window_is_cut_and_counted(kind, folders):
    detector = detectors.build(f"clip/{folders[kind]}", CPU)
    window = WINDOW[kind]
    # Of SigLIP 2's tiny tokenizer each letter is a token, of the others each word, with two more as bounds.
    red, blue, green, space = ("r", "b", "g", "") if kind == "siglip2" else ("red", "blue", "green", " ")
    fits = [red] * (window if kind == "siglip2" else window - 2)
    texts = [space.join(words) for words in ([*fits, blue], [*fits, *[green] * 200], fits)]
    rows = list(detector.score([caption(0, *texts)], [picture("red")]))
    assert [row.raw for row in rows] == [
        f"cut: {window} of {window + 1} tokens were read",
        f"cut: {window} of {window + 200} tokens were read",
        None,
    ]
    assert [row.input_tokens for row in rows] == [window] * 3
    assert rows[0].score == pytest.approx(rows[1].score, abs=1e-6)  # what differs was cut
    assert detector.identity()["usage"]["sentences_cut"] == 2
    assert detector.identity()["parameters"]["window"] == window


def test_each_distinct_picture_is_encoded_once_across_captioners_and_calls(folders, asked):
    captions, pictures = asked
    detector = detectors.build(f"clip/{folders['clip']}", CPU | {"batch_size": 3})
    list(detector.score(captions, pictures))
    list(detector.score(captions[:2], pictures[:2]))
    assert detector.identity()["usage"]["pictures_encoded"] == 4


def test_a_picture_that_cannot_be_read_is_an_error_with_its_reason_and_stops_nothing(folders):
    detector = detectors.build(f"clip/{folders['clip']}", CPU)
    whole = picture("red")
    captions = [caption(0, "red"), caption(1, "red", "blue"), caption(2, "red"), caption(3, "red")]
    rows = list(detector.score(captions, [whole, b"<html>not found</html>", whole[:200], whole]))
    assert [row.status for row in rows] == ["ok", "error", "error", "error", "ok"]
    assert "UnidentifiedImageError" in rows[1].raw
    assert "truncated" in rows[3].raw
    assert rows[0].score == pytest.approx(rows[4].score, abs=1e-6)


def test_pictures_of_every_mode_and_orientation_are_shown_as_they_look(folders):
    detector = detectors.build(f"clip/{folders['clip']}", CPU)
    pixels = np.zeros((32, 32, 3), np.uint8)
    pixels[:16] = tiny_models.COLORS["red"]
    upright, turned = io.BytesIO(), io.BytesIO()
    Image.fromarray(pixels).save(upright, "PNG")
    exif = Image.Exif()
    exif[0x0112] = 3  # to be turned by 180 degrees
    Image.fromarray(pixels[::-1, ::-1]).save(turned, "PNG", exif=exif)
    palette, gray = io.BytesIO(), io.BytesIO()
    Image.fromarray(pixels).convert("P").save(palette, "GIF")
    Image.fromarray(pixels[..., 0]).save(gray, "PNG")
    shown = [each.getvalue() for each in (upright, turned, palette, gray)]
    rows = list(detector.score([caption(place, "a red picture") for place in range(4)], shown))
    assert [row.status for row in rows] == ["ok"] * 4
    assert rows[0].score == pytest.approx(rows[1].score, abs=1e-6)
    assert rows[0].score != pytest.approx(rows[3].score, abs=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_bfloat16_is_close_to_float32_and_says_so_in_the_parameters(kind, folders, asked):
    captions, pictures = asked
    exact = detectors.build(f"clip/{folders[kind]}", CPU)
    coarse = detectors.build(f"clip/{folders[kind]}", CPU | {"dtype": "bfloat16"})
    assert exact.identity()["parameters"]["dtype"] == "float32"
    assert coarse.identity()["parameters"]["dtype"] == "bfloat16"
    one, other = (scores(each, captions, pictures) for each in (exact, coarse))
    assert np.corrcoef(list(one.values()), [other[key] for key in one])[0, 1] > 0.95
    assert one != other


def test_a_score_that_is_no_number_is_an_error_not_a_score(folders, tmp_path):
    model, processor = tiny_models.seeded("clip", 16)
    with torch.no_grad():
        model.visual_projection.weight.fill_(float("nan"))
    for part in (model, processor, tiny_models.tokenizer(16)):
        part.save_pretrained(tmp_path)
    (row,) = detectors.build(f"clip/{tmp_path}", CPU).score([caption(0, "red")], [picture("red")])
    assert (row.status, row.score) == ("error", None)
    assert "float32" in row.raw


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"device": "cuda:99"}, "--device cuda:99"),
        ({"device": "toaster"}, "--device toaster"),
        ({"dtype": "int8"}, "--dtype int8: expected one of float32"),
        ({"batch_size": -1}, "--batch-size -1: expected at least 1"),
    ],
)
def test_options_that_cannot_be_had_are_refused(options, message, folders):
    with pytest.raises(ValueError, match=message):
        detectors.build(f"clip/{folders['clip']}", options)


def test_a_folder_without_a_model_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"the model cannot be loaded .*; give a repo"):
        detectors.build(f"clip/{tmp_path}", CPU)


def test_a_checkpoint_without_all_weights_is_refused_instead_of_being_filled_with_random_ones(tmp_path):
    tiny_models.save("clip", tmp_path, 16)
    model, _ = tiny_models.seeded("clip", 16)
    text = {name: weight for name, weight in model.state_dict().items() if name.startswith("text")}
    safetensors.torch.save_file(text, tmp_path / "model.safetensors", {"format": "pt"})
    with pytest.raises(ValueError, match="weights of CLIPModel are not in the checkpoint"):
        detectors.build(f"clip/{tmp_path}", CPU)


def test_a_model_that_is_no_dual_encoder_is_refused_and_the_right_scheme_named(tmp_path):
    tiny_models.tokenizer(16).save_pretrained(tmp_path)
    transformers.GPT2Config(n_layer=1, n_embd=8, n_head=1, vocab_size=9).save_pretrained(tmp_path)
    with pytest.raises(ValueError, match=r"expected a dual encoder.*got gpt2.*transformers/"):
        detectors.build(f"clip/{tmp_path}", CPU)


def test_a_folder_trained_anew_is_another_model(folders, tmp_path):
    tiny_models.save("clip", tmp_path, 16)
    before = detectors.build(f"clip/{tmp_path}", CPU).identity()["parameters"]["weights"]
    model, _ = tiny_models.seeded("clip", 16)
    with torch.no_grad():
        model.logit_scale.add_(1)
    model.save_pretrained(tmp_path)
    assert detectors.build(f"clip/{tmp_path}", CPU).identity()["parameters"]["weights"] != before


@pytest.mark.skipif(importlib.util.find_spec("open_clip") is not None, reason="open_clip is installed")
def test_open_clip_that_is_not_installed_says_what_to_install():
    with pytest.raises(ValueError, match=r"open_clip/ViT-B-32.*pip install 'alignbench\[open_clip\]'"):
        detectors.build("open_clip/ViT-B-32", CPU)
