"""AlignBench AUROC: the engine on plain numpy arrays; `evaluate` is not needed for it."""

from .inputs import columns
from .ranking import auroc, average_precision, best_balanced_accuracy, fpr_at_tpr, roc_points
from .results import Result
from .summary import diagnose, summarize

__all__ = [
    "Result",
    "auroc",
    "average_precision",
    "best_balanced_accuracy",
    "columns",
    "diagnose",
    "fpr_at_tpr",
    "roc_points",
    "summarize",
]
