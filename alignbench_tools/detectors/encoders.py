"""Dual encoders and image-text matching heads of `transformers`: ``clip/REPO_OR_FOLDER``.

CLIP, SigLIP, SigLIP 2, ALIGN, AltCLIP and others with a tower for pictures and one for texts score by the
cosine of the two embeddings, in [-1, 1]: not clipped at 0 as in CLIPScore (Hessel et al., EMNLP 2021, arXiv
2104.08718), which makes ties, and without the logit scale or the sigmoid, which change no order.

BLIP (Li et al., ICML 2022, arXiv 2201.12086) and BLIP-2 (Li et al., ICML 2023, arXiv 2301.12597) for
retrieval score by their matching head, which reads text and picture together: the log-odds of "match", any
real number. The probability itself would be 1.0 for many sentences in float32. Their contrastive cosine is
not used.
"""

from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any

from PIL import Image

from alignbench_tools.detectors import checkpoints, torch_models
from alignbench_tools.detectors.matching import Matcher, MatchingDetector

# Trained on texts padded to the window, whose last place is what they keep of a text.
PADDED_TO_WINDOW = ("siglip", "siglip2")


class _Pretrained(Matcher):
    """Model, tokenizer and image processor of a checkpoint, on their device."""

    protocol: str

    def __init__(self, name: str, model_class: Any, place: torch_models.Place, libraries: tuple) -> None:
        self._torch, transformers = libraries
        self._name, self._place = name, place
        self._tokenizer = transformers.AutoTokenizer.from_pretrained(name)
        self._processor = checkpoints.load_image_processor(transformers, name)
        model = checkpoints.load_model(model_class, name, place.dtype)
        self._model = model.to(place.device).eval()
        text = getattr(model.config, "text_config", model.config)
        places = getattr(text, "max_position_embeddings", None) or 1 << 20
        self.window = min(self._tokenizer.model_max_length, places)
        self._padding = "max_length" if model.config.model_type in PADDED_TO_WINDOW else True

    def identity(self) -> dict[str, Any]:
        """The header."""
        dtype = str(self._place.dtype).removeprefix("torch.")
        return {
            "detector": f"clip/{self._name}",
            "model": f"clip/{self._name}",
            "model_version": torch_models.revision(self._model),
            "protocol": self.protocol,
            "parameters": {"dtype": dtype, "window": self.window, **checkpoints.weights(self._name)},
            "versions": {name: version(name) for name in ("torch", "transformers", "pillow")},
        }

    def lengths(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text."""
        return [len(row) for row in self._tokenizer(list(texts), verbose=False)["input_ids"]]

    def _tokens(self, texts: Sequence[str]) -> dict[str, Any]:
        found = self._tokenizer(
            list(texts), padding=self._padding, truncation=True, max_length=self.window, return_tensors="pt"
        )
        return {key: value.to(self._place.device) for key, value in found.items()}

    def _pixels(self, pictures: Sequence[Image.Image]) -> dict[str, Any]:
        found = self._processor(images=list(pictures), return_tensors="pt")
        return {
            key: value.to(self._place.device, self._place.dtype if value.is_floating_point() else None)
            for key, value in found.items()
        }


class DualEncoder(_Pretrained):
    """The cosine of a picture's and a text's embedding, float32."""

    protocol = "cosine"
    seen_at_most = 1 << 14

    def see(self, pictures: Sequence[Image.Image]) -> Sequence[Any]:
        """Unit vectors."""
        with self._torch.inference_mode():
            return list(self._unit(self._model.get_image_features(**self._pixels(pictures))))

    def compare(self, seen: Sequence[Any], texts: Sequence[str]) -> list[float]:
        """Cosines."""
        with self._torch.inference_mode():
            told = self._unit(self._model.get_text_features(**self._tokens(texts)))
            return (self._torch.stack(list(seen)) * told).sum(-1).tolist()

    def _unit(self, features: Any) -> Any:
        """`features` as unit vectors; before transformers 5 they were the tensor, now an output holds it."""
        if not isinstance(features, self._torch.Tensor):
            features = features.pooler_output
        if features.ndim != 2:
            raise ValueError(
                f"clip/{self._name}: expected one vector a picture or text, got an array of shape "
                f"{tuple(features.shape)}: the model is no dual encoder"
            )
        return self._torch.nn.functional.normalize(features.float(), dim=-1)


class BlipHead(_Pretrained):
    """The log-odds of "match" under BLIP's matching head."""

    protocol = "matching-head"
    # A picture is hundreds of vectors here, about 2 MB.
    seen_at_most = 128

    def see(self, pictures: Sequence[Image.Image]) -> Sequence[Any]:
        """The patches' vectors."""
        with self._torch.inference_mode():
            return list(self._model.vision_model(**self._pixels(pictures)).last_hidden_state)

    def compare(self, seen: Sequence[Any], texts: Sequence[str]) -> list[float]:
        """Log-odds."""
        with self._torch.inference_mode():
            logits = self._logits(self._torch.stack(list(seen)), self._tokens(texts)).float()
        return (logits[:, 1] - logits[:, 0]).tolist()

    def _logits(self, patches: Any, tokens: dict[str, Any]) -> Any:
        read = self._model.text_encoder(
            input_ids=tokens["input_ids"],
            attention_mask=tokens["attention_mask"],
            encoder_hidden_states=patches,
            encoder_attention_mask=self._ones(patches),
        )
        return self._model.itm_head(read.last_hidden_state[:, 0])

    def _ones(self, vectors: Any) -> Any:
        return self._torch.ones(vectors.shape[:2], dtype=self._torch.long, device=vectors.device)


class Blip2Head(BlipHead):
    """The log-odds of "match" under BLIP-2's matching head, the mean over its queries."""

    def _logits(self, patches: Any, tokens: dict[str, Any]) -> Any:
        queries = self._model.query_tokens.expand(len(patches), -1, -1)
        read = self._model.qformer(
            query_embeds=self._model.embeddings(input_ids=tokens["input_ids"], query_embeds=queries),
            query_length=queries.shape[1],
            attention_mask=self._torch.cat([self._ones(queries), tokens["attention_mask"]], dim=1),
            encoder_hidden_states=patches.to(queries.dtype),
            encoder_attention_mask=self._ones(patches),
        )
        told = read.last_hidden_state[:, : queries.shape[1]].to(self._model.itm_head.weight.dtype)
        return self._model.itm_head(told).mean(dim=1)


HEADS = {"BlipForImageTextRetrieval": BlipHead, "Blip2ForImageTextRetrieval": Blip2Head}


def _kind(transformers: Any, name: str) -> tuple[type[_Pretrained], Any]:
    """How the checkpoint scores, and the class of its model."""
    config = transformers.AutoConfig.from_pretrained(name)
    for architecture in config.architectures or []:
        if architecture in HEADS:
            return HEADS[architecture], getattr(transformers, architecture)
    model = transformers.MODEL_MAPPING.get(type(config), None)
    towers = all(hasattr(model, f"get_{what}_features") for what in ("image", "text"))
    if not towers or config.model_type in ("blip", "blip-2"):
        raise ValueError(
            f"expected a dual encoder, or BLIP or BLIP-2 for image-text retrieval, got {config.model_type} "
            f"({', '.join(config.architectures or [])}); for a model that answers questions take "
            f"transformers/{name}"
        )
    return DualEncoder, model


def build(name: str, options: Mapping[str, Any]) -> MatchingDetector:
    """``clip/REPO_OR_FOLDER``; options `device`, `dtype`, `batch_size`."""
    libraries = torch_models.libraries(f"clip/{name}")
    place = torch_models.place(libraries[0], options.get("device"), options.get("dtype"))
    with torch_models.loading(f"clip/{name}"):
        kind, model_class = _kind(libraries[1], name)
        matcher = kind(name, model_class, place, libraries)
    return MatchingDetector(matcher, options.get("batch_size"))
