"""What a user would write without this project: the other side of every ratio."""

import numpy as np
import pandas as pd
from sklearn.metrics import average_precision_score, brier_score_loss, roc_auc_score, roc_curve

BINS = np.linspace(0, 1, 11)


def diagnostics(frame, probabilities):
    """The point estimates and diagnostics of `alignbench_auroc.diagnose`, with scikit-learn and pandas.

    `frame` has the columns score, references, captioner, position (5 for later ones), type and domain.
    """
    captioners = dict(list(frame.groupby("captioner")))
    parts = {name: _operating_points(part, probabilities) for name, part in captioners.items()}
    slopes = {
        name: [_slope(part[part["references"] == label]) for label in (1, 0)]
        for name, part in captioners.items()
    }
    crossed = {
        column: {key: _means(part) for key, part in frame.groupby(["captioner", column])}
        for column in ("position", "domain")
    }
    types = {
        (name, kind): _against_correct(wrong, part[part["references"] == 1])
        for name, part in captioners.items()
        for kind, wrong in part[part["references"] == 0].groupby("type")
    }
    return {
        "captioners": parts,
        "mean": pd.DataFrame(parts).T.mean().to_dict(),
        "pooled": _operating_points(frame, probabilities),
        "slopes": slopes,
        "types": types,
        **crossed,
    }


def _operating_points(part, probabilities):
    labels, scores = part["references"].to_numpy(), part["score"].to_numpy()
    false_rate, true_rate, thresholds = roc_curve(labels, scores, drop_intermediate=False)
    balanced = (true_rate + 1 - false_rate) / 2
    best = np.argmax(balanced)
    values = {
        "auroc": roc_auc_score(labels, scores),
        "average_precision": average_precision_score(1 - labels, -scores),
        "fpr_at_95_tpr": false_rate[true_rate >= 0.95].min(),
        "best_balanced_accuracy": balanced[best],
        "threshold": thresholds[best],
    }
    if probabilities:
        bins = pd.cut(part["score"], BINS, right=False, labels=False).fillna(9)
        table = part.groupby(bins).agg(s=("score", "mean"), y=("references", "mean"), n=("score", "size"))
        values["brier"] = brier_score_loss(labels, scores)
        values["ece"] = ((table["s"] - table["y"]).abs() * table["n"]).sum() / len(part)
    return values


def _means(part):
    by_label = part.groupby("references")["score"].mean()
    return (_auroc(part), by_label.get(1, np.nan), by_label.get(0, np.nan))


def _slope(part):
    return np.polyfit(part["position"], part["score"], 1)[0]


def _against_correct(wrong, correct):
    both = pd.concat([wrong, correct])
    return roc_auc_score(both["references"], both["score"]), wrong["score"].mean()


def _auroc(part):
    return roc_auc_score(part["references"], part["score"]) if part["references"].nunique() == 2 else np.nan


def bootstrap(frame, replicates, seed=0):
    """AUROC of every captioner and the mean, (replicates, captioners + 1), images resampled."""
    rng = np.random.default_rng(seed)
    rows_of = list(frame.groupby("image_id").indices.values())
    values = []
    for _ in range(replicates):
        drawn = rng.integers(0, len(rows_of), len(rows_of))
        sample = frame.iloc[np.concatenate([rows_of[i] for i in drawn])]
        aurocs = [_auroc(part) for _, part in sample.groupby("captioner")]
        values.append([*aurocs, np.mean(aurocs)])
    return np.array(values)


def ensemble(first, second, frame):
    """AUROC of two detectors' mean score for every captioner."""
    both = pd.DataFrame({
        "score": (first + second) / 2, "references": frame["references"], "captioner": frame["captioner"]
    })  # fmt: skip
    return {
        name: roc_auc_score(part["references"], part["score"]) for name, part in both.groupby("captioner")
    }


def localization(hits, scores):
    """Mean over sentences of the average precision of hallucinated words."""
    return np.mean([average_precision_score(hit, values) for hit, values in zip(hits, scores, strict=True)])


def sun_xu_midranks(values):
    """Midranks by the loop over ties of Sun & Xu (2014), Algorithm 1."""
    order = np.argsort(values)
    ranked = values[order]
    count = len(values)
    midranks = np.zeros(count)
    i = 0
    while i < count:
        j = i
        while j < count and ranked[j] == ranked[i]:
            j += 1
        midranks[i:j] = 0.5 * (i + j - 1) + 1
        i = j
    result = np.empty(count)
    result[order] = midranks
    return result


def sun_xu_delong(scores, labels):
    """AUROCs and covariance by Sun & Xu (2014), Algorithm 2."""
    positives, negatives = scores[:, labels == 1], scores[:, labels == 0]
    m, n = positives.shape[1], negatives.shape[1]
    ranks_x = np.array([sun_xu_midranks(row) for row in positives])
    ranks_y = np.array([sun_xu_midranks(row) for row in negatives])
    ranks_z = np.array([sun_xu_midranks(row) for row in np.hstack([positives, negatives])])
    aurocs = ranks_z[:, :m].sum(axis=1) / m / n - (m + 1.0) / 2.0 / n
    v01 = (ranks_z[:, :m] - ranks_x) / n
    v10 = 1.0 - (ranks_z[:, m:] - ranks_y) / m
    return aurocs, np.cov(v01) / m + np.cov(v10) / n
