"""AUROC of fine-grained image-text alignment detectors on AlignBench, as an `evaluate` metric."""
# evaluate fetches no siblings but those that this script itself names, one import statement each.
# ruff: noqa: F401

import datasets
import evaluate

from .bootstrap import replicate
from .calibration import brier
from .checks import check_columns
from .clustered import variances
from .diagnostics import by_position
from .estimates import estimate
from .grouped import rank
from .inputs import columns, encode_batch
from .ranking import auroc
from .results import Result
from .scored import apply_policy
from .self_preference import self_preference
from .sentences import Sentences
from .signature import signature
from .summary import diagnose, summarize

DESCRIPTION = """\
AUROC of a detector that scores how well a sentence is aligned with an image, as AlignBench
(arXiv 2511.20515) reports it: per captioner, their unweighted mean, with intervals that know that the
sentences of one image go along together. Higher score = more likely correct; ties count half; sentences
labelled unknown are dropped and counted.
"""

INPUTS = """
Args:
    predictions: scores, higher = better aligned; None or NaN where one is missing.
    references: 0 = incorrect, 1 = correct, 2 = unknown.
    captioner, image_id, domain: names; position: 0-based index of the sentence in its caption;
        hallucination_types: a list of type codes for each sentence. Inputs of the config "diagnostics"
        (None where not known); the default config takes captioner and image_id in `compute`.
    missing: "error" (default), "worst" or "drop": what a missing score does.
    interval: "analytic" (default), "bootstrap", "bca" or None.
    confidence: of the interval, 0.95 by default.
    replicates, seed: of the bootstraps, 1000 and 0 by default.
    own_captioners: ("diagnostics") names of the captioners that are the detector's own model.

Returns:
    Default: flat numbers `auroc` (mean over captioners), `auroc_low`, `auroc_high`, `auroc_pooled`, for
    each captioner `auroc_NAME`, `auroc_NAME_low`, `auroc_NAME_high`, and the counts `n`, `n_correct`,
    `n_incorrect`, `n_unknown`, `n_missing`. "diagnostics": one nested dict with these and the parts
    `captioners`, `mean`, `pooled`, `position`, `types`, `domain`, `self_preference`, `notes`, `signature`.
    All rates are in [0, 1]; NaN is what is not defined, and `notes` (an attribute, too) says why.

Example:
    >>> metric = evaluate.load("alignbench_auroc")
    >>> result = metric.compute(predictions=[0.9, 0.2, 0.6, 0.4], references=[1, 0, 0, 1])
    >>> result["auroc"]
    0.75
"""

CITATION = """\
@article{alignbench2025,
  title={AlignBench: Benchmarking Fine-Grained Image-Text Alignment with Synthetic Image-Caption Pairs},
  author={Saito and Shinoda and Tanaka and Hirasawa and Okura and Ushiku},
  journal={arXiv preprint arXiv:2511.20515},
  year={2025}
}
"""

CONFIGS = ("default", "diagnostics")


class AlignbenchAuroc(evaluate.Metric):
    """The metric; the numbers come from the sibling modules, which need no `evaluate`."""

    def _info(self):
        if self.config_name not in CONFIGS:
            raise ValueError(f"config: expected one of {', '.join(CONFIGS)}, got {self.config_name!r}")
        inputs = {"predictions": datasets.Value("float64"), "references": datasets.Value("int64")}
        if self.config_name == "diagnostics":
            inputs |= {
                "captioner": datasets.Value("string"),
                "image_id": datasets.Value("string"),
                "position": datasets.Value("int64"),
                "hallucination_types": datasets.Sequence(datasets.Value("int64")),
                "domain": datasets.Value("string"),
            }
        return evaluate.MetricInfo(
            description=DESCRIPTION,
            citation=CITATION,
            inputs_description=INPUTS,
            features=datasets.Features(inputs),
            reference_urls=["https://arxiv.org/abs/2511.20515"],
        )

    def compute(self, *, predictions=None, references=None, **kwargs):
        """Compute the metric from everything given here and added before."""
        given = predictions is not None or references is not None
        nothing_added = self.writer is None and self.num_process == 1
        if given and nothing_added:
            return self._compute(predictions=predictions, references=references, **kwargs)
        if nothing_added:
            raise ValueError("expected predictions and references, here or by add_batch before; got none")
        inputs = {name: kwargs.pop(name) for name in list(kwargs) if name in self.features}
        if given:
            self.add_batch(predictions=predictions, references=references, **inputs)
        elif self.writer is None:
            # A process without a batch of its own still has to leave a file for the first one.
            self.add_batch(predictions=[], references=[])
        return super().compute(**kwargs)

    def add_batch(self, *, predictions=None, references=None, **kwargs):
        """Add a batch of rows, checked; columns that are not given count as not known."""
        unknown = [name for name in kwargs if name not in self.features]
        if unknown:
            raise ValueError(f"expected inputs {', '.join(self.features)}, got {', '.join(unknown)}")
        others = {name: kwargs.get(name) for name in list(self.features)[2:]}
        batch = encode_batch(predictions, references, others)
        # As evaluate does it, without its encoding of every single value: the batch is in Arrow's types.
        if self.writer is None:
            self.selected_feature_format = self.features
            self._init_writer()
        self.writer.write_batch(batch)

    def add(self, *, prediction=None, reference=None, **kwargs):
        """Add one row."""
        rows = {name: None if value is None else [value] for name, value in kwargs.items()}
        self.add_batch(predictions=[prediction], references=[reference], **rows)

    def _compute(self, predictions, references, **options):
        build = diagnose if self.config_name == "diagnostics" else summarize
        return build(predictions, references, **options)
