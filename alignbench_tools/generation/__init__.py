"""New captions and pictures: what `alignbench generate` makes, for people to judge."""
