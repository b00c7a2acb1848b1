"""Checkpoints of `transformers`, loaded whole or not at all."""

import hashlib
import inspect
from importlib.metadata import version
from pathlib import Path
from typing import Any

HASHED = (".bin", ".gguf", ".jinja", ".json", ".model", ".safetensors", ".txt")


def load_model(model_class: Any, name: str, dtype: Any, **options: Any) -> Any:
    """The model of that class; ValueError if the checkpoint lacks weights, which would then be random."""
    options["dtype" if _is_five() else "torch_dtype"] = dtype
    model, info = model_class.from_pretrained(name, output_loading_info=True, **options)
    missing = sorted(info["missing_keys"])
    if missing:
        raise ValueError(
            f"{len(missing)} weights of {type(model).__name__} are not in the checkpoint, such as "
            f"{missing[0]}: it is of another kind of model"
        )
    return model


def _is_five() -> bool:
    """Whether transformers is 5 or later, where several options have other names."""
    return int(version("transformers").partition(".")[0]) >= 5


def load_image_processor(transformers: Any, name: str) -> Any:
    """The image processor on Pillow and NumPy, whether or not torchvision is installed: that one resamples
    differently, and scores would depend on what else is installed."""
    options = {"backend": "pil"} if _is_five() else {"use_fast": False}
    return transformers.AutoImageProcessor.from_pretrained(name, **options)


def load_chat_processor(transformers: Any, name: str) -> Any:
    """The processor of a model that is asked; ValueError if it has no chat template, or needs torchvision."""
    # Before transformers 5 the option was another one, and chose a slow tokenizer as well.
    options = {"backend": "pil"} if _is_five() else {}
    try:
        processor = transformers.AutoProcessor.from_pretrained(name, **options)
    except (ImportError, AttributeError) as error:  # which of them depends on the model
        raise ValueError(
            f"its processor needs torchvision, one for the torch that is installed: {error}"
        ) from None
    if not getattr(processor, "chat_template", None) or not hasattr(processor, "tokenizer"):
        raise ValueError("it has no chat template: expected a model that answers questions about a picture")
    return processor


def chat_inputs(processor: Any, talks: list) -> Any:
    """Tensors of `talks`, in the notation of chat templates, padded to the longest, ready for the answer."""
    options: dict[str, Any] = {"padding": True}
    if "processor_kwargs" in inspect.signature(processor.apply_chat_template).parameters:
        options = {"processor_kwargs": options}
    return processor.apply_chat_template(
        talks, add_generation_prompt=True, tokenize=True, return_dict=True, return_tensors="pt", **options
    )


def weights(name: str) -> dict[str, str]:
    """For the header's parameters: a folder's digest, for its content may change under the same name; nothing
    of a Hub repository, whose commit is the model's version."""
    if not Path(name).is_dir():
        return {}
    digest = hashlib.sha256()
    for path in sorted(Path(name).iterdir()):
        if path.suffix in HASHED:
            digest.update(f"{path.name}\0{path.stat().st_size}\0".encode())
            with open(path, "rb") as file:
                while block := file.read(1 << 20):
                    digest.update(block)
    return {"weights": digest.hexdigest()[:16]}
