"""Checkpoints of `transformers`, loaded whole or not at all."""

import hashlib
import importlib.util
from pathlib import Path
from typing import Any

HASHED = (".bin", ".jinja", ".json", ".model", ".safetensors", ".txt")


def load_model(model_class: Any, name: str, dtype: Any) -> Any:
    """The model of that class; ValueError if the checkpoint lacks weights, which would then be random."""
    model, info = model_class.from_pretrained(name, torch_dtype=dtype, output_loading_info=True)
    missing = sorted(info["missing_keys"])
    if missing:
        raise ValueError(
            f"{len(missing)} weights of {type(model).__name__} are not in the checkpoint, such as {missing[0]}: "
            "it is of another kind of model"
        )
    return model


def pillow_backend() -> dict[str, Any]:
    """Options by which image processors work on Pillow and NumPy, with or without torchvision installed: its
    resampling is another one, and scores would depend on what else is installed."""
    if importlib.util.find_spec("transformers.image_processing_backends"):
        return {"backend": "pil"}
    return {"use_fast": False}


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
