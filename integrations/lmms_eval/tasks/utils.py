"""AlignBench as a task of lmms-eval: our rows, our question, our reading of the answer, our metric."""

from alignbench_auroc import summarize

import alignbench
from alignbench_tools import protocols

PROTOCOL = protocols.load("score-100")


def with_picture(dataset):
    """Rows whose picture can be had and whose label is known: no sentence is judged blind."""
    labels = dataset["label"]
    present = [cell.is_valid for cell in dataset.select_columns("image").with_format("arrow")[:]["image"]]
    unknown = alignbench.LABELS.index("unknown")
    return dataset.select([row for row, has in enumerate(present) if has and labels[row] != unknown])


def doc_to_visual(doc):
    return [doc["image"].convert("RGB")]


def doc_to_text(doc, lmms_eval_specific_kwargs=None):
    return PROTOCOL.prompt(doc["sentence"])


def doc_to_target(doc):
    return alignbench.LABELS[doc["label"]]


def process_results(doc, results):
    """What `auroc` and `unparsed` need of one sentence."""
    (reading,) = PROTOCOL.read(results[0], None, [doc["sentence"]])
    # Not as `score`: lmms-eval averages what has that name, and gives its standard error as the metric's.
    row = {name: doc[name] for name in ("id", "label", "captioner", "image_id")} | {"rating": reading.score}
    return {"alignbench_auroc": row, "alignbench_unparsed": row}


def auroc(rows):
    """Mean AUROC over captioners, in [0, 1]; a sentence without score is held against the model."""
    columns = {name: [row[name] for row in rows] for name in ("captioner", "image_id")}
    scores, labels = [row["rating"] for row in rows], [row["label"] for row in rows]
    return summarize(scores, labels, missing="worst", **columns)["auroc"]


def unparsed(rows):
    """How many answers stated no score."""
    return sum(row["rating"] is None for row in rows)
