"""Detectors that run on this machine, by name: ``SCHEME/NAME``, one module for each scheme."""

import importlib
from collections.abc import Mapping
from typing import Any

from alignbench_tools.scoring import Detector

# A module's `build(name, options)` makes its detector; modules are imported when they are asked for, as each
# brings another heavy library.
SCHEMES = {
    "control": "controls",
    "lm": "language_model",
    "ocr": "ocr",
    "clip": "encoders",
    "open_clip": "open_clip",
    "transformers": "generative",
}


def is_local(model: str) -> bool:
    """Whether `model` is of a scheme of this package; any other is the name of an Inspect model."""
    return model.partition("/")[0] in SCHEMES


def build(model: str, options: Mapping[str, Any]) -> Detector:
    """The detector of that name; ValueError if there is none, or if what it needs is not installed."""
    scheme, slash, name = model.partition("/")
    if scheme not in SCHEMES or not slash or not name:
        raise ValueError(f"model {model!r}: expected SCHEME/NAME with a scheme of {', '.join(SCHEMES)}")
    module = importlib.import_module(f"alignbench_tools.detectors.{SCHEMES[scheme]}")
    return module.build(name, options)
