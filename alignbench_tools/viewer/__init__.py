"""The viewer of `alignbench browse`: rows as columns for the page, the local server, the one-file page."""
