"""A benchmark of the published size with invented sentences and scores, the same for every run."""

from typing import NamedTuple

import numpy as np
import pandas as pd

# AlignBench (arXiv 2511.20515), Table 2: labelled sentences, share correct, sentences per image.
TABLE_2 = {
    "cogvlm": (7372, 0.915, 3.7),
    "gpt4o": (12790, 0.918, 6.4),
    "sharegpt": (17610, 0.734, 8.8),
    "llama-4": (14800, 0.852, 7.4),
    "llava": (15170, 0.809, 6.9),
    "qwen": (15790, 0.888, 7.9),
    "sd": (2417, 0.341, 2.4),
    "gpt4o-imagen": (3524, 0.797, 3.5),
}
DOMAINS, TYPES = 8, 9
WORDS = "a the two red dog left of on table near tall man's white-haired sign reading sits".split()


class Benchmark(NamedTuple):
    """Columns of one row a sentence (pandas), and the scores of detectors on them, (k, n)."""

    rows: pd.DataFrame
    floats: np.ndarray
    whole: np.ndarray
    """The same scores as whole numbers from 0 to 100."""


def make(detectors=24, seed=0):
    """The 89,473 labelled sentences of Table 2 and scores with an AUROC near 0.65."""
    rng = np.random.default_rng(seed)
    rows = pd.concat([_captioner(name, *sizes, rng) for name, sizes in TABLE_2.items()], ignore_index=True)
    image = pd.factorize(rows["image_id"])[0]
    shared = rng.normal(size=len(rows)) + 0.7 * rng.normal(size=image.max() + 1)[image]
    latent = 0.6 * shared + rng.normal(size=(detectors, len(rows))) + 0.7 * rows["references"].to_numpy()
    floats = 1 / (1 + np.exp(-1.4 - 0.6 * latent + 0.1 * rows["position"].to_numpy()))
    return Benchmark(rows, floats, np.rint(100 * floats))


def _captioner(name, size, correct, per_image, rng):
    images = round(size / per_image)
    image = np.sort(np.concatenate([np.arange(images), rng.integers(0, images, size - images)]))
    pool = name if name in ("sd", "gpt4o-imagen") else "real"  # the others describe the same pictures
    labels = (rng.random(size) < correct).astype(np.int64)
    return pd.DataFrame({
        "references": labels,
        "captioner": name,
        "image_id": [f"{pool}/{number}" for number in image],
        "position": np.arange(size) - np.searchsorted(image, image),
        "type": np.where(labels == 1, -1, rng.integers(0, TYPES, size)),
        "domain": [f"domain {number % DOMAINS}" for number in image],
    })  # fmt: skip


def make_sentences(count=15_500, seed=0):
    """Incorrect sentences, an annotated span in each, and a score for each of its words."""
    rng = np.random.default_rng(seed)
    sentences, spans, scores = [], [], []
    for length in rng.integers(8, 30, count):
        words = [WORDS[i] for i in rng.integers(0, len(WORDS), length)]
        first = int(rng.integers(0, length - 2))
        start = len(" ".join(words[:first])) + bool(first)
        spans.append([{"start": start, "end": start + len(" ".join(words[first : first + 2]))}])
        sentences.append(" ".join(words) + ".")
        scores.append(rng.random(length).tolist())
    return sentences, spans, scores
