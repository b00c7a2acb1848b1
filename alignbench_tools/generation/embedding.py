"""Embeddings of pictures by a dual encoder of the detectors."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from alignbench_tools import detectors
from alignbench_tools.detectors.pictures import decode

AT_ONCE = 32


def of_pictures(encoder: str, files: Sequence[Path]) -> np.ndarray:
    """Unit vectors (n, d) of the pictures in `files` under `encoder`, a name as for `alignbench score`.

    Raises ValueError if it is no dual encoder, and names a picture that cannot be read.
    """
    detector = detectors.build(encoder, {})
    see = getattr(getattr(detector, "matcher", None), "see", None)
    if see is None or detector.identity().get("protocol") != "cosine":
        raise ValueError(f"--encoder {encoder}: expected a dual encoder, such as clip/REPO_OR_FOLDER")
    vectors: list[np.ndarray] = []
    for start in range(0, len(files), AT_ONCE):
        opened = []
        for path in files[start : start + AT_ONCE]:
            try:
                opened.append(decode(path.read_bytes()))
            except ValueError as error:
                raise ValueError(f"{path}: {error}; remove it from the folder") from None
        vectors += [np.asarray(vector.cpu()) for vector in see(opened)]
    return np.stack(vectors)
