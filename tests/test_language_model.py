"""The likelihood of a sentence under a language model that sees no picture."""

import math

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from alignbench_tools import detectors
from alignbench_tools.captions import Caption, Sentence

WORDS = "<s> </s> <pad> a red blue hat dog sits on the table".split()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A tiny language model of random weights, saved as any other."""
    from tokenizers import Tokenizer, models, pre_tokenizers

    folder = tmp_path_factory.mktemp("lm")
    tokenizer = Tokenizer(models.WordLevel({word: i for i, word in enumerate(WORDS)}, unk_token="<pad>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    special = {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>", "unk_token": "<pad>"}
    transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, **special).save_pretrained(folder)
    torch.manual_seed(0)
    config = transformers.GPT2Config(
        vocab_size=len(WORDS), n_positions=32, n_embd=16, n_layer=2, n_head=2, bos_token_id=0, eos_token_id=1
    )
    transformers.GPT2LMHeadModel(config).save_pretrained(folder)
    return folder


TEXTS = ["a red hat", "the dog sits on the table", "hat", "a blue dog sits on a red hat on the table"]


def captions(texts):
    return [Caption("a", "1", "", tuple(Sentence(f"a/1/{i}", text) for i, text in enumerate(texts)), 0)]


def by_hand(folder, text):
    model = transformers.AutoModelForCausalLM.from_pretrained(folder).eval()
    ids = [0] + [WORDS.index(word) for word in text.split()]
    with torch.no_grad():
        logits = model(torch.tensor([ids])).logits[0]
    steps = [logits[k].log_softmax(-1)[ids[k + 1]].item() for k in range(len(ids) - 1)]
    return math.fsum(steps) / len(steps)


@pytest.mark.parametrize("batch_size", [1, 2, 32])
def test_a_score_is_the_mean_log_likelihood_whatever_the_batch(folder, batch_size):
    detector = detectors.build(f"lm/{folder}", {"batch_size": batch_size, "device": "cpu"})
    scores = list(detector.score(captions(TEXTS), [None]))
    assert [score.id for score in scores] == [f"a/1/{i}" for i in range(4)]
    for score, text in zip(scores, TEXTS, strict=True):
        assert score.score == pytest.approx(by_hand(folder, text), abs=1e-5)


def test_a_sentence_without_a_token_has_no_likelihood(folder):
    (score,) = detectors.build(f"lm/{folder}", {}).score(captions([""]), [None])
    assert (score.status, score.score) == ("unparsed", None)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("/no/such/folder", {}, "lm//no/such/folder: the model cannot be loaded"),
        (None, {"device": "tpu9"}, "--device tpu9"),
        (None, {"dtype": "int3"}, "--dtype int3: expected one of float32, bfloat16, float16"),
    ],
)
def test_what_cannot_be_had_is_said(folder, name, options, message):
    with pytest.raises(ValueError, match=message):
        detectors.build(f"lm/{name or folder}", options)
