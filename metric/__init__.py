"""AlignBench AUROC: the engine on plain numpy arrays; `evaluate` is not needed for it."""
