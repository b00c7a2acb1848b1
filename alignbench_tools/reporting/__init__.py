"""What `alignbench report` is made of: score files, entries, leaderboard, figures, gallery, page."""
