"""How often the intervals hold the true AUROC, on clustered data where it is known.

    python benchmarks/coverage.py [--simulations 1000] [--replicates 500]

Every simulation draws images, each described by three captioners in a few sentences. Scores are an image
effect, a captioner-and-image effect, noise, and 1 for correct sentences; two such sums of unit-variance terms
differ by 1 on average, so every captioner's AUROC (and their mean) is Phi(1 / sqrt(2 v)) with v the variance
of one score. Shares of correct sentences differ from image to image, which links classes within an image. The
row "ignoring clusters" is DeLong's interval of one captioner, which takes sentences as independent.
"""

import argparse
import math

import numpy as np
from alignbench_auroc import check_columns, summarize
from alignbench_auroc.delong import delong
from scipy.special import ndtr, ndtri

IMAGE, OWN, NOISE = 0.8, 0.3, 1.0  # standard deviations: of an image, of a captioner on it, of a sentence
VARIANCE = IMAGE**2 + OWN**2 + NOISE**2
CAPTIONERS = 3


def simulate(rng: np.random.Generator, images: int):
    """Scores, labels and columns of one simulated benchmark."""
    sizes = rng.integers(3, 12, (images, CAPTIONERS))
    image = np.repeat(np.arange(images), sizes.sum(axis=1))
    captioner = np.repeat(np.tile(np.arange(CAPTIONERS), images), sizes.ravel())
    share = rng.beta(2, 1.2, images)
    labels = (rng.random(len(image)) < share[image]).astype(int)
    effects = IMAGE * rng.normal(size=images)[image] + OWN * rng.normal(size=sizes.shape)[image, captioner]
    return effects + NOISE * rng.normal(size=len(image)) + labels, labels, captioner, image


def covered(low: float, high: float, truth: float) -> bool:
    return low <= truth <= high


def one(seed: int, images: int, replicates: int, truth: float) -> dict[str, tuple[bool, float]]:
    """For each interval whether it holds the truth, and its width."""
    scores, labels, captioner, image = simulate(np.random.default_rng(seed), images)
    rows = check_columns(labels, captioner=captioner, image_id=image)
    out = {}
    for method in ("analytic", "bootstrap", "bca"):
        found = summarize(scores, rows, interval=method, replicates=replicates, seed=seed)
        for name, key in (("mean", "auroc"), ("captioner", "auroc_0")):
            low, high = found[f"{key}_low"], found[f"{key}_high"]
            out[f"{method}, {name}"] = covered(low, high, truth), high - low
    mine = captioner == 0
    value, covariance = delong(scores[mine][None], labels[mine])
    half = ndtri(0.975) * math.sqrt(covariance[0, 0])
    out["ignoring clusters, captioner"] = covered(value[0] - half, value[0] + half, truth), 2 * half
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--simulations", type=int, default=1000)
    parser.add_argument("--images", type=int, default=150)
    parser.add_argument("--replicates", type=int, default=500)
    args = parser.parse_args()
    truth = float(ndtr(1 / math.sqrt(2 * VARIANCE)))
    found = [one(seed, args.images, args.replicates, truth) for seed in range(args.simulations)]
    print(f"{args.simulations} simulations of {args.images} images, true AUROC {truth:.4f}, nominal 95 %\n")
    print("| interval | coverage | mean width |\n|---|---|---|")
    for name in found[0]:
        hits, widths = zip(*(each[name] for each in found), strict=True)
        print(f"| {name} | {100 * np.mean(hits):.1f} % | {np.mean(widths):.4f} |")


if __name__ == "__main__":
    main()
