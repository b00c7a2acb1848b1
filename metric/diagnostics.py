"""The paper's looks behind the AUROC: operating points, sentence position, hallucination type, domain."""

import numpy as np

from . import calibration
from .estimates import Estimate
from .grouped import GroupTable, grouped
from .scored import Scored
from .sentences import TYPES, Groups, Tags

LAST_POSITION = 5
POSITIONS = ("0", "1", "2", "3", "4", "5+")
MEASURES = ("average_precision", "fpr_at_95_tpr", "best_balanced_accuracy", "threshold", "brier", "ece")


def operating_points(scored: Scored, found: Estimate) -> np.ndarray:
    """The `MEASURES` (g + 1, 6) of each captioner and, last, of all rows; NaN where one is not defined.

    Average precision is that of finding the incorrect sentences by low scores; the others have the correct
    ones as positives. Brier score and calibration error need scores in [0, 1].
    """
    groups = found.by_captioner
    out = np.full((groups.groups + 1, len(MEASURES)), np.nan)
    for number, levels in enumerate([*groups.levels(), *found.together.levels()]):
        out[number, 0] = levels.flipped().average_precision()
        out[number, 1:4] = levels.operating_points(0.95)
    probabilities = scored.probabilities
    if probabilities is not None:
        out[:, 4:] = calibration.calibration_by_group(
            probabilities, groups.positive, groups.codes, groups.groups
        )
    return out


def by_position(scored: Scored, found: Estimate, position: np.ndarray) -> dict:
    """AUROC and mean score of correct and of incorrect sentences at each position, and their slopes.

    Positions are 0, 1, 2, 3, 4 and "5+". The slope is that of the least-squares line of the score on the
    position (5+ as 5), within a captioner: score per sentence further down; negative where later sentences
    score lower. "mean" is the unweighted mean over captioners.
    """
    tables = _crossed(scored, found, np.minimum(position, LAST_POSITION), len(POSITIONS))
    slopes = np.stack([
        _slopes(tables.positives_scored, tables.positive_mean),
        _slopes(tables.negatives_scored, tables.negative_mean),
    ], axis=1)  # fmt: skip
    out = _laid_out(tables, found.names, POSITIONS)
    captioners = {name: _slope_entry(slopes[code]) for code, name in enumerate(found.names)}
    return out | {"slope": {"mean": _slope_entry(mean_over_captioners(slopes)), "captioners": captioners}}


def by_domain(scored: Scored, found: Estimate, domain: Groups) -> dict:
    """AUROC and mean score of correct and of incorrect sentences in each domain of pictures."""
    return _laid_out(_crossed(scored, found, domain.codes, len(domain.names)), found.names, domain.names)


def by_type(scored: Scored, found: Estimate, tags: Tags) -> dict:
    """For each hallucination type: the mean score of its incorrect sentences, and their AUROC.

    The AUROC is that of the type's incorrect sentences against all correct ones of the same captioner: the
    share of pairs in which the correct one scores higher. A sentence with two types counts for both.
    """
    names, codes, groups = found.names, found.by_captioner.codes, found.by_captioner.groups
    wrong = ~scored.sentences.positive[tags.rows] & (codes[tags.rows] >= 0)
    rows, kinds = tags.rows[wrong], tags.codes[wrong]
    if found.by_captioner.ranks.ordered:
        # Sums in the order of the scores do not show that of the rows.
        rows, kinds = _by_row(rows, kinds, len(codes))
    shape, size = (groups, len(TYPES)), groups * len(TYPES)
    cells = codes[rows] * len(TYPES) + kinds
    given = np.ones(len(rows), bool) if scored.absent is None else ~scored.absent[rows]
    count = np.bincount(cells, minlength=size).reshape(shape)
    pairs = np.bincount(cells, found.by_captioner.won_pairs()[rows], size).reshape(shape)
    scores = np.bincount(cells[given], scored.scores[rows[given]], size).reshape(shape)
    correct = found.by_captioner.sizes[:, 1:]
    with np.errstate(invalid="ignore", divide="ignore"):
        means = scores / np.bincount(cells[given], minlength=size).reshape(shape)
        cube = np.stack((pairs / (count * correct), means), axis=-1)
    present = np.flatnonzero(count.any(axis=0))
    mean, total = mean_over_captioners(cube), count.sum(axis=0)

    def entry(pair, number):
        return {"auroc": pair[0], "score_incorrect": pair[1], "n_incorrect": int(number)}

    cells_of = cube.tolist()
    return {
        "mean": {TYPES[kind]: entry(mean[kind].tolist(), total[kind]) for kind in present},
        "captioners": {
            name: {TYPES[kind]: entry(cells_of[code][kind], count[code, kind]) for kind in present}
            for code, name in enumerate(names)
        },
    }


def _by_row(rows: np.ndarray, kinds: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """The tags in the order of their rows; without a sort where no row has two."""
    kind_of = np.full(size, -1, np.int8)
    kind_of[rows] = kinds
    single = np.flatnonzero(kind_of >= 0)
    if len(single) == len(rows):
        return single, kind_of[single].astype(np.int64)
    order = np.lexsort((kinds, rows))
    return rows[order], kinds[order]


def type_notes(scored: Scored, tags: Tags) -> list[str]:
    """What the types leave out."""
    positive = scored.sentences.positive
    tagged = np.zeros(len(positive), bool)
    tagged[tags.rows] = True
    untyped, strange = np.count_nonzero(~tagged & ~positive), np.count_nonzero(tagged & positive)
    notes = [f"types: {untyped} incorrect sentences have no type and are in none"] if untyped else []
    if strange:
        notes.append(f"types: {strange} correct sentences have a type, which is passed over")
    return notes


def mean_over_captioners(values: np.ndarray) -> np.ndarray:
    """Unweighted mean over the first axis of what is defined, NaN where nothing is."""
    there = ~np.isnan(values)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(there, values, 0).sum(axis=0) / there.sum(axis=0)


def _crossed(scored: Scored, found: Estimate, column: np.ndarray, size: int) -> GroupTable:
    """Group table of captioner x column, its fields shaped (g, size)."""
    captioners = found.by_captioner
    cells = captioners.codes * size + column
    if captioners.codes.min(initial=0) < 0 or column.min(initial=0) < 0:
        cells = np.where((captioners.codes < 0) | (column < 0), -1, cells)
    crossed = grouped(captioners.ranks, captioners.positive, cells, captioners.groups * size)
    return GroupTable(*(part.reshape(-1, size) for part in crossed.table(scored.absent)))


def _laid_out(tables: GroupTable, names: tuple[str, ...], heads: tuple[str, ...]) -> dict:
    cube = np.stack((tables.auroc, tables.positive_mean, tables.negative_mean), axis=-1)
    mean, cells = mean_over_captioners(cube).tolist(), cube.tolist()
    correct, incorrect = tables.positives, tables.negatives
    totals = (correct.sum(axis=0).tolist(), incorrect.sum(axis=0).tolist())
    return {
        "mean": _row(heads, mean, *totals),
        "captioners": {
            name: _row(heads, cells[code], correct[code].tolist(), incorrect[code].tolist())
            for code, name in enumerate(names)
        },
    }


def _row(heads, cells, correct, incorrect) -> dict:
    return {
        head: {
            "auroc": auroc,
            "score_correct": score_correct,
            "score_incorrect": score_incorrect,
            "n_correct": n_correct,
            "n_incorrect": n_incorrect,
        }
        for head, (auroc, score_correct, score_incorrect), n_correct, n_incorrect in zip(
            heads, cells, correct, incorrect, strict=True
        )
    }


def _slopes(counts: np.ndarray, means: np.ndarray) -> np.ndarray:
    """Slope (g,) of the least-squares line through all rows, from their number and mean at each position."""
    steps = np.arange(counts.shape[1])
    with np.errstate(invalid="ignore", divide="ignore"):
        centred = steps - (counts @ steps / counts.sum(axis=1))[:, None]
        sums = counts * centred
        return np.nansum(sums * means, axis=1) / (sums * centred).sum(axis=1)


def _slope_entry(pair) -> dict:
    return {"correct": float(pair[0]), "incorrect": float(pair[1])}
