"""Print the table of ratios: python -m benchmarks [--only NAME ...]"""

import argparse
import os
import platform
from importlib.metadata import PackageNotFoundError, version

from . import cases, data

PACKAGES = (
    "numpy",
    "scipy",
    "scikit-learn",
    "pandas",
    "datasets",
    "evaluate",
    "pyarrow",
    "torch",
    "torchmetrics",
    "confidenceinterval",
)
HEAD = ("what", "scores", "ours", "peer", "peer's time", "ratio", "promised")


def versions():
    found = [f"Python {platform.python_version()}"]
    for name in PACKAGES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            found.append(f"{name} not installed")
    return ", ".join(found)


def show(cells):
    print("|", " | ".join(cells), "|", flush=True)


def main():
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=[*cases.CASES, "memory", "growth"], metavar="NAME")
    only = parser.parse_args().only or [*cases.CASES, "memory", "growth"]
    slowed = [name for name in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE") if name in os.environ]
    if slowed:
        print(f"Warning: {', '.join(slowed)} is set and may slow numpy; unset it for figures to be quoted.\n")
    print(f"{versions()}; {os.cpu_count()} cores\n")
    benchmark = data.make()
    print(f"{len(benchmark.rows):,} rows, 8 captioners; medians; `promised` is a bound on the ratio.\n")
    if set(only) & set(cases.CASES):
        show(HEAD)
        show(["---"] * len(HEAD))
    for name, case in cases.CASES.items():
        if name in only:
            for row in case(benchmark):
                show(row.cells())
    if "memory" in only:
        peaks = ", ".join(f"{mb:.0f} MB at {n:,}" for n, mb in cases.bootstrap_memory(benchmark).items())
        print(f"\nExtra memory of the bootstrap by replicates: {peaks} (at most 32 MB promised).")
    if "growth" in only:
        print("\nGrowth, ns per row and log2(rows): constant if n log n.\n")
        show(["rows", "pooled AUROC", "summary with analytic intervals"])
        show(["---"] * 3)
        for cells in cases.growth():
            show(cells)


if __name__ == "__main__":
    main()
