"""A result: a dict of numbers that knows what it was computed on, prints as a table, saves and loads."""

import json
import math
import os
import tempfile


class Result(dict):
    """Numbers by name (default: flat; diagnostics: nested), with `signature` (dict) and `notes` (list)."""

    def __init__(self, values, signature: dict, notes: list[str]):
        super().__init__(values)
        self.signature = signature
        self.notes = list(notes)

    def save(self, path) -> None:
        """Write the result as JSON (undefined numbers as null), in one step or not at all."""
        content = {"values": _plain(self), "signature": self.signature, "notes": self.notes}
        folder = os.path.dirname(os.path.abspath(path))
        with tempfile.NamedTemporaryFile(
            "w", dir=folder, suffix=".tmp", delete=False, encoding="utf-8"
        ) as file:
            json.dump(content, file, indent=1, allow_nan=False, ensure_ascii=False)
        os.replace(file.name, path)


def _plain(value):
    """`value` with null for what is not defined, as JSON has no NaN."""
    if isinstance(value, dict):
        return {key: _plain(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
