"""AlignBench AUROC: the engine on plain numpy arrays; `evaluate` is not needed for it.

Measures of one detector are in `ranking`, `calibration` and `localization`, comparisons in `comparison`,
`delong` and `ensembles`.
"""

from .calibration import brier, expected_calibration_error
from .checks import check_columns
from .comparison import compare, holm, rank_detectors
from .inputs import columns
from .ranking import auroc, average_precision, best_balanced_accuracy, fpr_at_tpr, roc_points
from .results import Result
from .self_preference import self_preference_matrix
from .sentences import Sentences
from .summary import diagnose, summarize
from .trainer import compute_metrics

__all__ = [
    "Result",
    "Sentences",
    "auroc",
    "average_precision",
    "best_balanced_accuracy",
    "brier",
    "check_columns",
    "columns",
    "compare",
    "compute_metrics",
    "diagnose",
    "expected_calibration_error",
    "fpr_at_tpr",
    "holm",
    "rank_detectors",
    "roc_points",
    "self_preference_matrix",
    "summarize",
]
