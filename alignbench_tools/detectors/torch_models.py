"""What the detectors on `torch` share: the libraries, the device and the type of numbers, clear failures."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

DTYPES = ("float32", "bfloat16", "float16")


class Place(NamedTuple):
    """Where a model runs, and in which type."""

    device: Any
    dtype: Any


def libraries(model: str) -> tuple[Any, Any]:
    """(torch, transformers); ValueError that says what to install."""
    try:
        import torch
        import transformers
    except ImportError as error:
        raise ValueError(f"{model}: {error}; pip install 'alignbench[clip]'") from None
    return torch, transformers


def place(torch: Any, device: str | None, dtype: str | None) -> Place:
    """The device asked for, or the best there is; float32 on a CPU and bfloat16 elsewhere unless asked for.

    Raises ValueError for a device or a type that there is not.
    """
    if device is None:
        device = (
            "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
        )
    try:
        chosen = torch.device(device)
        torch.empty(0, device=chosen)
    except (RuntimeError, AssertionError) as error:
        raise ValueError(f"--device {device}: {str(error).splitlines()[0]}") from None
    if dtype is not None and dtype not in DTYPES:
        raise ValueError(f"--dtype {dtype}: expected one of {', '.join(DTYPES)}")
    return Place(chosen, getattr(torch, dtype or ("float32" if chosen.type == "cpu" else "bfloat16")))


@contextlib.contextmanager
def loading(model: str) -> Iterator[None]:
    """Turns what `transformers` raises for a model that it cannot have into one ValueError."""
    try:
        yield
    except (OSError, ValueError, KeyError, ImportError) as error:
        first = next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
        raise ValueError(
            f"{model}: the model cannot be loaded ({first}); give a repo of the Hub that you may read, or a "
            "folder that save_pretrained wrote"
        ) from None


def revision(model: Any) -> str | None:
    """The commit of the Hub that the model is of; None for a folder."""
    found = getattr(model.config, "_commit_hash", None)
    return None if Path(model.config._name_or_path).is_dir() else found
