"""The embedded sample: a release of our own making, see README.md."""
