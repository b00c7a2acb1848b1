"""Speed of the metric beside what a user would write; `python -m benchmarks` prints it."""
