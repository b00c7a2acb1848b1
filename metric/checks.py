"""Every check of what a user hands in: lists, numpy arrays, pandas series, tensors or Arrow columns.

Errors are ValueErrors that say what was expected, what was found in which row, and what to do.
"""

from collections import defaultdict
from collections.abc import Sequence
from itertools import chain, count

import numpy as np

from .sentences import CORRECT, INCORRECT, TYPES, UNKNOWN, Groups, Sentences, Tags

MAX_POSITION = 2**31 - 1


def check_columns(
    references, captioner=None, image_id=None, position=None, hallucination_types=None, domain=None
) -> Sentences:
    """Check the columns of a benchmark, each of length n or None, and put them into arrays.

    Args:
        references: labels, 0 = incorrect, 1 = correct, 2 = unknown.
        captioner, image_id, domain: names.
        position: the sentence's 0-based index in its caption.
        hallucination_types: for each sentence a list of type codes, indices into `TYPES`.

    Lists, numpy arrays, pandas series and Arrow columns serve alike. Raises ValueError that says what
    was expected, what was found in which row, and what to do.
    """
    labels = as_labels(references)
    n = len(labels)
    return Sentences(
        labels,
        as_groups("captioner", captioner, n),
        as_groups("image_id", image_id, n),
        as_positions(position, n),
        as_tags(hallucination_types, n),
        as_groups("domain", domain, n),
    )


def as_scores(values, n: int) -> np.ndarray:
    """Scores as float64 (n,), NaN where one is missing; ValueError if one is infinite or no number."""
    found = _plain("predictions", values)
    _same_length("predictions", found, n)
    if found.dtype.kind not in "fiub":
        found = _numbers("predictions", found)
    scores = found.astype(np.float64, copy=False)
    # One pass tells whether any is not finite; which, only then.
    if not np.isfinite(scores.sum()) and np.isinf(scores).any():
        row = int(np.flatnonzero(np.isinf(scores))[0])
        raise ValueError(
            f"predictions: expected finite scores, got {scores[row]} in row {row} "
            f"({int(np.isinf(scores).sum())} such rows); map it to a finite number or to NaN for missing"
        )
    return scores


def as_labels(values) -> np.ndarray:
    """Labels as int8 (n,): 0 = incorrect, 1 = correct, 2 = unknown."""
    found = _small_integers(values)
    found = _plain("references", values) if found is None else found
    if found.dtype.kind in "iub":
        if not len(found) or (found.min() >= 0 and found.max() <= UNKNOWN):
            return found.astype(np.int8)
    if found.dtype.kind in "iuf":
        good = np.isin(found, (INCORRECT, CORRECT, UNKNOWN))
    else:
        good = np.array([label in (INCORRECT, CORRECT, UNKNOWN) for label in found.tolist()], bool)
    if good.all():
        return found.astype(np.int8)
    row = int(np.argmin(good))
    raise ValueError(
        f"references: expected 0 (incorrect), 1 (correct) or 2 (unknown), got {found.tolist()[row]!r} in row"
        f" {row} ({int((~good).sum())} such rows); map your labels to these numbers"
    )


def as_groups(name: str, values, n: int) -> Groups | None:
    """A column of names as codes, or None if nothing is known."""
    if values is None:
        return None
    if hasattr(values, "dictionary_encode"):
        encoded = values.dictionary_encode()
        encoded = encoded.combine_chunks() if hasattr(encoded, "combine_chunks") else encoded
        codes = np.asarray(encoded.indices.fill_null(-1)).astype(np.int64)
        found = encoded.dictionary.to_pylist()
    else:
        values = values.tolist() if hasattr(values, "tolist") else list(values)
        index: dict = defaultdict(count().__next__)
        try:
            codes = np.fromiter(map(index.__getitem__, values), np.int64, len(values))
        except TypeError:
            raise ValueError(f"{name}: expected one name a row, got lists or dicts") from None
        found = list(index)
    _same_length(name, codes, n)
    known = [not _is_null(value) and value != "" for value in found]
    names = tuple(sorted({str(value) for value, there in zip(found, known, strict=True) if there}))
    if not names:
        return None
    place = {value: code for code, value in enumerate(names)}
    table = [place[str(value)] if there else -1 for value, there in zip(found, known, strict=True)]
    return Groups(np.array([*table, -1], np.int32)[codes], names)


def as_positions(values, n: int) -> np.ndarray | None:
    """Sentence indices as int32 (n,), -1 where not known; None if none is."""
    if values is None:
        return None
    found = _plain("position", values)
    _same_length("position", found, n)
    if found.dtype.kind not in "iuf":
        found = _numbers("position", found)
    if found.dtype.kind == "f":
        found = np.where(np.isnan(found), -1, found)
    wrong = (np.abs(found) > MAX_POSITION) | (found != np.rint(found))
    if wrong.any():
        row = int(np.argmax(wrong))
        raise ValueError(f"position: expected whole numbers from 0, got {found.tolist()[row]} in row {row}")
    positions = found.astype(np.int32)
    return positions if len(positions) and positions.max() >= 0 else None


def as_tags(values, n: int) -> Tags | None:
    """Lists of type codes as rows and codes; None if the column holds no list at all."""
    if values is None:
        return None
    if hasattr(values, "combine_chunks") or hasattr(values, "value_lengths"):
        lists = values.combine_chunks() if hasattr(values, "combine_chunks") else values
        lengths = np.asarray(lists.value_lengths().fill_null(-1))
        codes = np.asarray(lists.flatten())
    else:
        values = list(values)
        lengths = np.array([_length(value, row) for row, value in enumerate(values)], np.int64)
        lists = [value for value, length in zip(values, lengths, strict=True) if length > 0]
        codes = np.array(list(chain.from_iterable(lists)))
    _same_length("hallucination_types", lengths, n)
    if (lengths < 0).all():
        return None
    last = len(TYPES) - 1
    if len(codes) and (codes.dtype.kind not in "iu" or codes.min() < -1 or codes.max() > last):
        wrong = next(
            code for code in codes.tolist() if not isinstance(code, int) or code not in range(-1, len(TYPES))
        )
        raise ValueError(
            f"hallucination_types: expected codes from 0 to {last} ({', '.join(TYPES)}), got {wrong!r}"
        )
    known = codes >= 0 if len(codes) else np.zeros(0, bool)
    if not known.any() and (lengths != 0).all():
        return None
    rows = np.repeat(np.arange(n), np.maximum(lengths, 0))
    return Tags(rows[known], codes[known].astype(np.int64))


def _is_null(value) -> bool:
    """None, NaN, or pandas' NA, which is neither equal nor unequal to itself."""
    return value is None or type(value).__name__ in ("NAType", "NaTType") or value != value


def _length(value, row: int) -> int:
    """Length of a list of type codes, -1 for a null."""
    if hasattr(value, "__len__") and not isinstance(value, str):
        return len(value)
    if _is_null(value):
        return -1
    raise ValueError(f"hallucination_types: expected a list of type codes a row, got {value!r} in row {row}")


def _small_integers(values) -> np.ndarray | None:
    """A list of whole numbers below 256, the fastest way that Python has; None for anything else."""
    if not isinstance(values, list):
        return None
    try:
        return np.frombuffer(bytes(values), np.uint8)
    except (TypeError, ValueError):
        return None


def _plain(name: str, values) -> np.ndarray:
    if values is None:
        raise ValueError(f"{name}: expected one value a row, got None")
    if hasattr(values, "detach"):  # a torch tensor, which may need gradients or lie on a GPU
        values = values.detach().cpu().double()
    if not hasattr(values, "__array__") and not isinstance(values, list):
        if not isinstance(values, Sequence) or isinstance(values, str):
            raise ValueError(f"{name}: expected a list or an array, got {type(values).__name__}")
        values = list(values)
    try:
        found = (
            np.ma.filled(values.astype(float), np.nan) if np.ma.isMaskedArray(values) else np.asarray(values)
        )
    except ValueError:
        found = _objects(values)
    if found.dtype.kind in "US":  # numpy has turned numbers among them into text, too
        found = _objects(values)
    if found.ndim != 1:
        raise ValueError(f"{name}: expected one value a row, shape (n,), got shape {found.shape}")
    return found


def _objects(values) -> np.ndarray:
    """The values as they are, (n,): without the last one numpy would make a matrix of equal lists."""
    return np.array([*values, None], dtype=object)[:-1]


def _numbers(name: str, found: np.ndarray) -> np.ndarray:
    """A column of objects as float64 with NaN for None; an empty one may have any type."""
    if not len(found):
        return found.astype(np.float64)
    for row, value in enumerate(found.tolist()):
        if value is not None and not isinstance(value, (int, float, np.number)):
            raise ValueError(
                f"{name}: expected numbers, got {value!r} in row {row}; give None or NaN where one is missing"
            )
    return np.array(found.tolist(), dtype=np.float64)


def _same_length(name: str, values, n: int) -> None:
    if len(values) != n:
        raise ValueError(f"{name}: expected {n} rows as in references, got {len(values)}")
