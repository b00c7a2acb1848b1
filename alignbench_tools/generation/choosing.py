"""Which pictures to take: spread evenly over domains that the pictures themselves fall into."""

import hashlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from sklearn.cluster import KMeans


class Choice(NamedTuple):
    """`chosen` are indices of pictures, ascending; `domains` (n,) the domain of every picture, -1 for one
    that was left out; `duplicates` maps a picture that was left out to the like one that was kept."""

    chosen: list[int]
    domains: np.ndarray
    duplicates: dict[int, int]


def choose(
    embeddings: np.ndarray,
    names: Sequence[str],
    count: int,
    domains: int = 10,
    like: float = 0.97,
    seed: int = 0,
) -> Choice:
    """`count` pictures, evenly over `domains` clusters of their embeddings.

    Near-duplicates go first: of pictures whose cosine is at least `like` the one that is first by name stays.
    Then k-means on unit vectors (scikit-learn, seeded); from each cluster the same number, or all of
    a cluster that has fewer, in the order of a digest of seed and name. The same pictures give the same
    choice in whichever order they come.

    Args:
        embeddings: (n, d), of any dual encoder, not zero.
        names: n different names.

    Raises ValueError if the lengths differ, a name repeats, an embedding is zero or not finite, or there are
    fewer pictures than asked for.
    """
    order, unit = _checked(embeddings, names)
    kept, duplicates = _without_near_duplicates(unit, like)
    if count > len(kept):
        raise ValueError(
            f"expected at least {count} different pictures, got {len(kept)} ({len(duplicates)} "
            f"near-duplicates of cosine {like} or more are left out); ask for fewer"
        )
    clusters = KMeans(min(domains, len(kept)), n_init=4, random_state=seed).fit_predict(unit[kept])
    labels = np.full(len(names), -1)
    labels[order[kept]] = _by_first_member(clusters)
    ranked = {
        domain: sorted(
            (int(i) for i in np.flatnonzero(labels == domain)), key=lambda i: _digest(seed, names[i])
        )
        for domain in range(labels.max() + 1)
    }
    chosen = sorted(
        i
        for members, number in zip(ranked.values(), _shares(ranked, count), strict=True)
        for i in members[:number]
    )
    return Choice(chosen, labels, {int(order[a]): int(order[b]) for a, b in duplicates.items()})


def _checked(embeddings: np.ndarray, names: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """The order of the pictures by name, and their unit vectors in that order."""
    embeddings = np.asarray(embeddings, dtype=np.float64)
    if embeddings.ndim != 2 or len(embeddings) != len(names):
        raise ValueError(f"expected embeddings (n, d) of {len(names)} pictures, got shape {embeddings.shape}")
    if len(set(names)) != len(names):
        raise ValueError("expected a name of its own for every picture")
    norms = np.linalg.norm(embeddings, axis=1, keepdims=True)
    if not np.isfinite(norms).all() or not norms.all():
        raise ValueError("expected finite embeddings other than zero")
    order = np.array(sorted(range(len(names)), key=names.__getitem__))
    return order, (embeddings / norms)[order]


def _without_near_duplicates(unit: np.ndarray, like: float) -> tuple[np.ndarray, dict[int, int]]:
    """Rows that stay, and for each other row the earlier one that is like it."""
    kept: list[int] = []
    duplicates: dict[int, int] = {}
    for row, vector in enumerate(unit):
        cosines = unit[kept] @ vector if kept else np.zeros(0)
        if len(cosines) and cosines.max() >= like:
            duplicates[row] = kept[int(cosines.argmax())]
        else:
            kept.append(row)
    return np.array(kept, dtype=np.intp), duplicates


def _by_first_member(clusters: np.ndarray) -> np.ndarray:
    """Clusters numbered by their first member, whatever k-means called them."""
    _, first, codes = np.unique(clusters, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[codes]


def _shares(ranked: dict[int, list[int]], count: int) -> list[int]:
    """How many of each domain: as even as the smaller ones allow, the rest to the first domains."""
    sizes = [len(members) for members in ranked.values()]
    shares = [0] * len(sizes)
    while sum(shares) < count:
        for domain, size in enumerate(sizes):
            if shares[domain] < size and sum(shares) < count:
                shares[domain] += 1
    return shares


def _digest(seed: int, name: str) -> str:
    return hashlib.sha256(f"{seed}\0{name}".encode("utf-8", "surrogatepass")).hexdigest()
