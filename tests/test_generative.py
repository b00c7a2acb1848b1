"""P(Yes) of a local generative model: a tiny LLaVA with random weights.

A Qwen-VL cannot be made here: its processor needs torchvision.
"""

import io
import itertools
import random

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

import tiny_models
import transformers
from PIL import Image
from tiny_models import COLORS, caption, picture

from alignbench_tools import detectors, protocols
from alignbench_tools.detectors import checkpoints

CPU = {"device": "cpu"}
NAMES = list(COLORS)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A LLaVA that was shown four pictures, and which sentence of four is true of each."""
    folder = tmp_path_factory.mktemp("llava")
    model, processor = tiny_models.llava()
    processor.tokenizer.padding_side = "left"
    pairs = list(itertools.product(range(4), repeat=2))
    talks = [
        _talk(Image.open(io.BytesIO(picture(NAMES[shown], shown))), NAMES[told]) for shown, told in pairs
    ]
    inputs = checkpoints.chat_inputs(processor, talks)
    yes, no = (tiny_models.WORDS.index(word) for word in ("Yes", "No"))
    answers = torch.tensor([yes if shown == told else no for shown, told in pairs])
    weight = torch.ones(tiny_models.VOCABULARY)
    weight[yes] = 3.0
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    for _ in range(200):
        logits = model(**inputs).logits[:, -1]
        loss = torch.nn.functional.cross_entropy(logits, answers, weight)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if loss < 0.1:
            break
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return str(folder)


def _talk(shown, color):
    question = protocols.load("p-yes").prompt(f"a {color} picture")
    content = [{"type": "image", "image": shown}, {"type": "text", "text": question}]
    return [{"role": "user", "content": content}]


@pytest.fixture(scope="module")
def asked():
    texts = [f"a {color} picture" for color in NAMES] + ["the picture is red and blue and green . yellow"]
    captions = [caption(place, *texts[: place + 2]) for place in range(4)]
    return captions, [picture(color, place, (36 + place, 40)) for place, color in enumerate(NAMES)]


def scores(detector, captions, pictures):
    return {score.id: score.score for score in detector.score(captions, pictures)}


def test_four_pairs_are_learned_to_a_perfect_ranking(trained):
    detector = detectors.build(f"transformers/{trained}", CPU)
    texts = [f"a {color} picture" for color in NAMES]
    captions = [caption(place, *texts) for place in range(4)]
    rows = list(detector.score(captions, [picture(color, place) for place, color in enumerate(NAMES)]))
    true = [row.score for row in rows if row.id.split("/")[1] == row.id.split("/")[2]]
    false = [row.score for row in rows if row.id.split("/")[1] != row.id.split("/")[2]]
    assert min(true) > 0.5 > max(false)
    assert {row.raw for row in rows} == {"Yes", "No"}
    assert all(row.input_tokens > 20 and row.output_tokens == 1 for row in rows)


def test_batch_size_order_and_company_change_no_score(trained, asked):
    captions, pictures = asked
    together = scores(
        detectors.build(f"transformers/{trained}", CPU | {"batch_size": 16}), captions, pictures
    )
    single = detectors.build(f"transformers/{trained}", CPU | {"batch_size": 1})
    shuffled = list(zip(captions, pictures, strict=True))
    random.Random(1).shuffle(shuffled)
    alone = {}
    for each, shown in shuffled:
        alone |= scores(single, [each], [shown])
    assert alone == pytest.approx(together, abs=1e-5)


def test_the_score_is_the_share_of_yes_among_all_spellings_of_yes_and_no(trained, asked):
    captions, pictures = asked
    found = scores(detectors.build(f"transformers/{trained}", CPU), captions[:1], pictures[:1])
    model = transformers.AutoModelForImageTextToText.from_pretrained(trained).eval()
    processor = transformers.AutoProcessor.from_pretrained(trained)
    talk = _talk(Image.open(io.BytesIO(pictures[0])), "red")
    text = processor.apply_chat_template(talk, add_generation_prompt=True)
    inputs = processor(text=[text], images=[Image.open(io.BytesIO(pictures[0]))], return_tensors="pt")
    with torch.no_grad():
        likely = model(**inputs).logits[0, -1].double().softmax(-1)
    place = tiny_models.WORDS.index
    yes, no = (likely[place(a)] + likely[place(b)] for a, b in (("Yes", "yes"), ("No", "no")))
    assert found["terse/0/0"] == pytest.approx(float(yes / (yes + no)), abs=1e-6)


def test_a_picture_that_cannot_be_read_is_an_error_and_stops_nothing(trained):
    detector = detectors.build(f"transformers/{trained}", CPU)
    captions = [caption(0, "a red picture"), caption(1, "a red picture", "a blue picture")]
    rows = list(detector.score(captions, [picture("red"), b"no picture"]))
    assert [row.status for row in rows] == ["ok", "error", "error"]
    assert "cannot be read" in rows[1].raw


def test_the_header_says_protocol_digest_type_and_weights(trained):
    identity = detectors.build(f"transformers/{trained}", CPU | {"dtype": "bfloat16"}).identity()
    assert (identity["protocol"], identity["context"]) == ("p-yes", "none")
    assert identity["protocol_digest"] == protocols.load("p-yes").digest
    assert identity["parameters"]["dtype"] == "bfloat16"
    assert identity["parameters"]["weights"]


def test_a_model_without_chat_template_is_refused(trained, tmp_path):
    model, processor = tiny_models.llava()
    processor.chat_template = None
    model.save_pretrained(tmp_path)
    processor.save_pretrained(tmp_path)
    with pytest.raises(ValueError, match="no chat template"):
        detectors.build(f"transformers/{tmp_path}", CPU)


def test_a_dual_encoder_is_refused(tmp_path):
    tiny_models.save("clip", tmp_path, 16)
    with pytest.raises(ValueError, match=r"transformers/.*the model cannot be loaded"):
        detectors.build(f"transformers/{tmp_path}", CPU)
