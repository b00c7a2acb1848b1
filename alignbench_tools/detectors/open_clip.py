"""Dual encoders of `open_clip`: ``open_clip/NAME``.

`NAME` is what open_clip's own `create_model_and_transforms` takes: a model with weights
(``ViT-B-32:laion2b_s34b_b79k``), or a repository of the Hub or a folder in open_clip's layout
(``hf-hub:timm/ViT-B-16-SigLIP``, ``local-dir:/models/clip``). The score is the raw cosine, as in `encoders`.
open_clip needs torchvision, and pictures are resized by it: scores differ in the last digits from those of
the same weights in `transformers`.
"""

from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any

from PIL import Image

from alignbench_tools.detectors import torch_models
from alignbench_tools.detectors.matching import MatchingDetector


class OpenClip:
    """The cosine of a picture's and a text's embedding."""

    seen_at_most = 1 << 14

    def __init__(self, name: str, library: Any, torch: Any, place: torch_models.Place) -> None:
        self._name, self._torch, self._place = name, torch, place
        architecture, _, pretrained = name.partition(":")
        if architecture in ("hf-hub", "local-dir"):
            architecture, pretrained = name, ""
        elif not pretrained:
            known = [tag for model, tag in library.list_pretrained() if model == architecture]
            raise ValueError(
                f"weights: expected open_clip/{architecture}:WEIGHTS with weights of "
                f"{', '.join(known) or 'open_clip.list_pretrained()'}; without them the model is random"
            )
        model, _, self._transform = library.create_model_and_transforms(
            architecture, pretrained=pretrained or None, device=place.device
        )
        self._model = model.to(dtype=place.dtype).eval()
        self._tokenizer = library.get_tokenizer(architecture)
        self.window = self._tokenizer.context_length

    def identity(self) -> dict[str, Any]:
        """The header."""
        dtype = str(self._place.dtype).removeprefix("torch.")
        return {
            "detector": f"open_clip/{self._name}",
            "model": f"open_clip/{self._name}",
            "model_version": None,
            "protocol": "cosine",
            "parameters": {"dtype": dtype, "window": self.window},
            "versions": {name: version(name) for name in ("torch", "torchvision", "open_clip_torch")},
        }

    def lengths(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text; what open_clip's tokenizers give when they are called is cut already."""
        if hasattr(self._tokenizer, "tokenizer"):  # of the Hub
            clean = [self._tokenizer.clean_fn(text) for text in texts]
            return [len(row) for row in self._tokenizer.tokenizer(clean)["input_ids"]]
        bounds = 2
        return [len(self._tokenizer.encode(text)) + bounds for text in texts]

    def see(self, pictures: Sequence[Image.Image]) -> Sequence[Any]:
        """Unit vectors."""
        batch = self._torch.stack([self._transform(picture) for picture in pictures])
        with self._torch.inference_mode():
            return list(self._unit(self._model.encode_image(batch.to(self._place.device, self._place.dtype))))

    def compare(self, seen: Sequence[Any], texts: Sequence[str]) -> list[float]:
        """Cosines."""
        tokens = self._tokenizer(list(texts)).to(self._place.device)
        with self._torch.inference_mode():
            told = self._unit(self._model.encode_text(tokens))
            return (self._torch.stack(list(seen)) * told).sum(-1).tolist()

    def _unit(self, features: Any) -> Any:
        return self._torch.nn.functional.normalize(features.float(), dim=-1)


def build(name: str, options: Mapping[str, Any]) -> MatchingDetector:
    """``open_clip/NAME``; options `device`, `dtype`, `batch_size`."""
    try:
        import open_clip
        import torch
    except (ImportError, RuntimeError) as error:  # RuntimeError: a torchvision made for another torch
        raise ValueError(f"open_clip/{name}: {error}; pip install 'alignbench[open_clip]'") from None
    place = torch_models.place(torch, options.get("device"), options.get("dtype"))
    with torch_models.loading(f"open_clip/{name}"):
        try:
            matcher = OpenClip(name, open_clip, torch, place)
        except RuntimeError as error:  # what open_clip raises for a name or weights that it does not know
            raise ValueError(str(error)) from None
    return MatchingDetector(matcher, options.get("batch_size"))
