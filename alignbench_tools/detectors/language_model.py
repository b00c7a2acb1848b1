"""A blind control: how likely a sentence is to a language model that never sees the picture."""

from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from typing import Any

from alignbench_tools.captions import Caption
from alignbench_tools.detectors import torch_models
from alignbench_tools.scores import Score


class LanguageModel:
    """Mean log-likelihood of a sentence's tokens, in nats, under a causal model of `transformers`.

    A model's first token has no context, and counts only if the tokenizer has a token for the beginning.
    """

    needs_picture = False

    def __init__(self, name: str, device: str | None, dtype: str | None, batch_size: int | None) -> None:
        torch, transformers = torch_models.libraries(f"lm/{name}")
        self._name, self._torch = name, torch
        self._place = torch_models.place(torch, device, dtype)
        with torch_models.loading(f"lm/{name}"):
            self._tokenizer = transformers.AutoTokenizer.from_pretrained(name)
            model = transformers.AutoModelForCausalLM.from_pretrained(name, torch_dtype=self._place.dtype)
        self._model = model.to(self._place.device).eval()
        self._revision = torch_models.revision(model)
        self._batch = batch_size or 32
        self.captions_at_once = 8 * self._batch

    def identity(self) -> dict[str, Any]:
        """The header."""
        return {
            "detector": f"lm/{self._name}",
            "model": f"lm/{self._name}",
            "model_version": self._revision,
            "protocol": "log-likelihood",
            "parameters": {"dtype": str(self._place.dtype).removeprefix("torch.")},
            "versions": {name: version(name) for name in ("torch", "transformers")},
        }

    def score(self, captions: Sequence[Caption], pictures: Sequence[bytes | None]) -> Iterator[Score]:
        """A score for each sentence; one without two tokens is unparsed, for it has no likelihood."""
        sentences = [sentence for caption in captions for sentence in caption.sentences]
        values: dict[str, float] = {}
        # Sentences of like length together: a batch is padded to its longest.
        order = sorted(sentences, key=lambda sentence: len(sentence.text))
        for start in range(0, len(order), self._batch):
            batch = order[start : start + self._batch]
            found = self._likelihoods([sentence.text for sentence in batch])
            values |= {sentence.id: value for sentence, value in zip(batch, found, strict=True)}
        for sentence in sentences:
            value = values[sentence.id]
            yield (
                Score(sentence.id, value)
                if value == value
                else Score(sentence.id, None, "unparsed", "too short")
            )

    def _likelihoods(self, texts: Sequence[str]) -> list[float]:
        torch = self._torch
        begin, end = self._tokenizer.bos_token_id, self._tokenizer.eos_token_id
        limit = getattr(self._model.config, "max_position_embeddings", None) or 1 << 20
        rows = []
        for text in texts:
            tokens = self._tokenizer(text, add_special_tokens=False)["input_ids"]
            rows.append(([begin] if begin is not None else []) + tokens)
        rows = [row[:limit] for row in rows]
        longest = max(2, *map(len, rows))
        filler = next(token for token in (self._tokenizer.pad_token_id, end, 0) if token is not None)
        ids = torch.full((len(rows), longest), filler, dtype=torch.long)
        mask = torch.zeros_like(ids)
        for place, row in enumerate(rows):
            ids[place, : len(row)] = torch.tensor(row)
            mask[place, : len(row)] = 1
        ids, mask = ids.to(self._place.device), mask.to(self._place.device)
        with torch.inference_mode():
            logits = self._model(input_ids=ids, attention_mask=mask).logits[:, :-1].float()
        chosen = logits.log_softmax(-1).gather(-1, ids[:, 1:, None])[..., 0]
        counted = mask[:, 1:].float()
        return ((chosen * counted).sum(1) / counted.sum(1)).tolist()


def build(name: str, options: Mapping[str, Any]) -> LanguageModel:
    """``lm/REPO_OR_FOLDER``; options `device`, `dtype`, `batch_size`."""
    return LanguageModel(name, options.get("device"), options.get("dtype"), options.get("batch_size"))
