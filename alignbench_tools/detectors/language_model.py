"""A blind control: how likely a sentence is to a language model that never sees the picture."""

import math
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import PurePath
from typing import Any

from alignbench_tools.captions import Caption, Sentence
from alignbench_tools.detectors import checkpoints, torch_models
from alignbench_tools.scores import Score

BATCH = 32
# The change by another token to come, over the change by another token read: rounding at most in a causal
# model (0 in SmolLM2, float32 and bfloat16), 0.008 in a BERT of random weights.
CAUSAL = 1e-3


class LanguageModel:
    """Mean log-likelihood of a sentence's tokens, in nats, at most 0, under a causal model of `transformers`.

    Each sentence by itself, without its neighbours. A model's first token has no context, and counts only if
    the tokenizer has a token for the beginning. A sentence that is longer than the model's window is cut; its
    `raw` says so, and the header's usage has the number of those that this run cut.
    """

    needs_picture = False

    def __init__(self, name: str, device: str | None, dtype: str | None, batch_size: int | None) -> None:
        if batch_size is not None and batch_size < 1:
            raise ValueError(f"--batch-size {batch_size}: expected at least 1")
        self._torch, transformers = torch_models.libraries(f"lm/{name}")
        self._name = name
        self._place = torch_models.place(self._torch, device, dtype)
        self._folder, options = _checkpoint(name)
        with torch_models.loading(f"lm/{name}"):
            self._tokenizer = transformers.AutoTokenizer.from_pretrained(self._folder, **options)
            model = checkpoints.load_model(
                transformers.AutoModelForCausalLM, self._folder, self._place.dtype, **options
            )
            self._model = model.to(self._place.device).eval()
            self._check_causal()
        self._window = getattr(model.config, "max_position_embeddings", None) or 1 << 20
        self._batch = batch_size or BATCH
        self._cut = 0
        self.captions_at_once = 8 * self._batch

    def identity(self) -> dict[str, Any]:
        """The header."""
        dtype = str(self._place.dtype).removeprefix("torch.")
        return {
            "detector": f"lm/{self._name}",
            "model": f"lm/{self._name}",
            "model_version": torch_models.revision(self._model),
            "protocol": "log-likelihood",
            "parameters": {"dtype": dtype, **checkpoints.weights(self._folder)},
            "versions": {name: version(name) for name in ("torch", "transformers")},
            "usage": {"sentences_cut": self._cut},
        }

    def score(self, captions: Sequence[Caption], pictures: Sequence[bytes | None]) -> Iterator[Score]:
        """A score for each sentence; one without a token that counts is unparsed."""
        sentences = [sentence for caption in captions for sentence in caption.sentences]
        tokens = [self._tokens(sentence.text) for sentence in sentences]
        # Sentences of like length together: a batch is padded to its longest.
        order = sorted((i for i, row in enumerate(tokens) if len(row) > 1), key=lambda i: len(tokens[i]))
        values: dict[int, float] = {}
        for start in range(0, len(order), self._batch):
            batch = order[start : start + self._batch]
            values |= zip(batch, self._likelihoods([tokens[i][: self._window] for i in batch]), strict=True)
        for i, (sentence, row) in enumerate(zip(sentences, tokens, strict=True)):
            yield self._score(sentence, len(row), values.get(i))

    def _score(self, sentence: Sentence, length: int, value: float | None) -> Score:
        if value is None:
            return Score(sentence.id, None, "unparsed", "too short: no token of it has a likelihood")
        if not math.isfinite(value):
            return Score(sentence.id, None, "error", f"the likelihood is {value}; take --dtype float32")
        cut = length > self._window
        self._cut += cut
        raw = f"cut: {self._window} of {length} tokens were read" if cut else None
        return Score(sentence.id, value, raw=raw, input_tokens=min(length, self._window))

    def _tokens(self, text: str) -> list[int]:
        begin = self._tokenizer.bos_token_id
        tokens = self._tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]
        return ([begin] if begin is not None else []) + tokens

    def _likelihoods(self, rows: Sequence[Sequence[int]]) -> list[float]:
        """The mean log-likelihood of each row's tokens from the second on."""
        torch = self._torch
        longest = max(map(len, rows))
        # What fills a row up is masked, and stands after all that is counted: any token will do.
        ids = torch.tensor([[*row, *[0] * (longest - len(row))] for row in rows], device=self._place.device)
        lengths = torch.tensor([len(row) for row in rows], device=self._place.device)
        mask = (torch.arange(longest, device=self._place.device) < lengths[:, None]).long()
        logits = self._logits(ids, mask)[:, :-1].float()
        chosen = logits.gather(-1, ids[:, 1:, None])[..., 0] - logits.logsumexp(-1)
        # Not a product with the mask: what stands in the filled places may be infinite.
        total = chosen.masked_fill(mask[:, 1:] == 0, 0).sum(1)
        return (total / (lengths - 1)).tolist()

    def _logits(self, ids: Any, mask: Any) -> Any:
        with self._torch.inference_mode():
            return self._model(input_ids=ids, attention_mask=mask).logits

    def _check_causal(self) -> None:
        """ValueError if a later token changes what the model says after an earlier one, as in BERT."""
        ids = self._torch.tensor([[1, 2, 3], [1, 2, 4], [1, 5, 3]], device=self._place.device)
        said, later, same_place = self._logits(ids, self._torch.ones_like(ids))[:, 1].float()
        if (said - later).abs().max() > CAUSAL * (said - same_place).abs().max():
            raise ValueError("it sees the words that it should foretell; take a causal language model")


def _checkpoint(name: str) -> tuple[str, dict[str, str]]:
    """Repository or folder, and options of `from_pretrained`: a GGUF file is one of several in its place."""
    if not name.endswith(".gguf"):
        return name, {}
    path = PurePath(name)
    return str(path.parent), {"gguf_file": path.name}


def build(name: str, options: Mapping[str, Any]) -> LanguageModel:
    """``lm/REPO_OR_FOLDER``, or a ``.gguf`` file in one; options `device`, `dtype`, `batch_size`."""
    return LanguageModel(name, options.get("device"), options.get("dtype"), options.get("batch_size"))
