"""The metric for the Hugging Face `Trainer`."""

import numpy as np

from .summary import summarize


def compute_metrics(**options):
    """A function for `Trainer(compute_metrics=...)` that returns the flat numbers of `summarize`.

    Args:
        options: of `summarize`: the columns of the evaluation set (`captioner`, `image_id`), `missing`,
            `interval` and so on. Columns are of the evaluation set's length and in its order.

    The model's output may be one score a sentence, (n,) or (n, 1), or two logits (n, 2) in the order of the
    labels, incorrect and correct. Labels are 0, 1 or 2. A set with one class gives NaN, not an error.
    """

    def compute(prediction) -> dict:
        result = summarize(scores_of(prediction.predictions), np.ravel(prediction.label_ids), **options)
        return dict(result)  # Trainer rebuilds what it gets by its type, from the numbers alone

    return compute


def scores_of(outputs) -> np.ndarray:
    """Scores (n,) from a model's outputs; of a tuple the first, of two logits the second less the first."""
    if isinstance(outputs, tuple):
        outputs = outputs[0]
    outputs = np.asarray(outputs)
    if outputs.ndim == 2 and outputs.shape[1] == 2:
        return outputs[:, 1].astype(np.float64) - outputs[:, 0]
    if outputs.ndim == 2 and outputs.shape[1] == 1:
        return outputs[:, 0]
    if outputs.ndim == 1:
        return outputs
    raise ValueError(f"predictions: expected shape (n,), (n, 1) or (n, 2), got {outputs.shape}")
