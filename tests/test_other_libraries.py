"""Where other libraries give other numbers on the same scores, so that the warning in the docs stays true."""

import alignbench_auroc
import numpy as np
import pytest
from sklearn.metrics import roc_auc_score


@pytest.fixture
def whole_scores():
    """Scores from 0 to 100 that crowd near the top, as a language model's do, and labels."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 5000)
    return np.rint(100 / (1 + np.exp(-1.4 - rng.normal(size=5000) - 0.9 * labels))), labels


def test_torchmetrics_turns_0_to_100_scores_into_ties_by_its_sigmoid(whole_scores):
    torch = pytest.importorskip("torch", reason="torch is not installed")
    classification = pytest.importorskip(
        "torchmetrics.functional.classification", reason="torchmetrics is not installed"
    )
    scores, labels = whole_scores
    expected = roc_auc_score(labels, scores)
    given = classification.binary_auroc(torch.tensor(scores), torch.tensor(labels))
    divided = classification.binary_auroc(torch.tensor(scores) / 100, torch.tensor(labels))
    assert alignbench_auroc.auroc(scores, labels) == pytest.approx(expected, abs=1e-12)
    assert float(divided) == pytest.approx(expected, abs=1e-5)
    assert float(given) < expected - 0.1


def test_confidenceinterval_takes_an_images_sentences_as_independent():
    confidenceinterval = pytest.importorskip(
        "confidenceinterval", reason="confidenceinterval is not installed"
    )
    rng = np.random.default_rng(1)
    image_id = np.repeat(np.arange(300), 10)
    labels = np.repeat(rng.integers(0, 2, 300), 10)
    scores = 1 / (
        1 + np.exp(-np.repeat(rng.normal(size=300), 10) - 0.5 * labels - 0.3 * rng.normal(size=3000))
    )
    _, (low, high) = confidenceinterval.roc_auc_score(labels.tolist(), scores.tolist(), method="delong")
    ours = alignbench_auroc.summarize(scores, labels, image_id=image_id)
    # Ten sentences that say the same count as one: the width is about the root of ten times as large.
    assert 2.5 < (ours["auroc_high"] - ours["auroc_low"]) / (high - low) < 3.5
    alone = alignbench_auroc.summarize(scores, labels, image_id=np.arange(3000))
    assert (alone["auroc_low"], alone["auroc_high"]) == pytest.approx((low, high), abs=1e-3)
