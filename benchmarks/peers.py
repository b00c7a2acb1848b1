"""What a user would write without this project: the other side of every ratio."""

import numpy as np


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
