"""The command `alignbench`: one file per verb, thin over the libraries."""
