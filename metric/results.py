"""A result: a dict of numbers that knows what it was computed on, prints as a table, saves and loads."""

import contextlib
import json
import math
import os
import tempfile

from .signature import differences

FORMAT = "alignbench_auroc result"


class Result(dict):
    """Numbers by name (flat by default, nested from the diagnostics) on the 0-1 scale.

    `signature` (dict) pins what was computed, `notes` (list of str) say what was left out and why,
    `captioners` (list of str) which captioners the flat names `auroc_NAME` are of.
    """

    def __init__(self, values=(), signature=None, notes=(), captioners=()):
        super().__init__(values)
        self.signature = dict(signature or {})
        self.notes = list(notes)
        self.captioners = list(captioners)

    def __reduce__(self):
        return type(self), (dict(self), self.signature, self.notes, self.captioners)

    def __repr__(self) -> str:
        lines = [f"{'':<24}   value  interval", *self._table()]
        counts = ", ".join(f"{name[2:] or 'n'} {self[name]:,}" for name in self if name.startswith("n_"))
        lines.append(f"n {self.get('n', 0):,}" + (f" ({counts})" if counts else ""))
        lines += [f"note: {note}" for note in self.notes]
        stamp = (f"{name} {value}" for name, value in self.signature.items() if value is not None)
        return "\n".join([*lines, " | ".join(stamp)])

    def save(self, path) -> None:
        """Write the result as strict JSON (undefined numbers as null), whole or not at all."""
        content = {"format": FORMAT, "kind": type(self).__name__, "values": _without_nan(self)}
        content |= {"signature": self.signature, "notes": self.notes, "captioners": self.captioners}
        text = json.dumps(content, indent=1, allow_nan=False, ensure_ascii=False)
        folder = os.path.dirname(os.path.abspath(path))
        handle, temporary = tempfile.mkstemp(dir=folder, suffix=".tmp")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text + "\n")
            os.replace(temporary, path)
        except BaseException:
            with contextlib.suppress(OSError):
                os.remove(temporary)
            raise

    @classmethod
    def load(cls, path) -> "Result":
        """Read what `save` wrote; ValueError if the file is something else."""
        with open(path, encoding="utf-8") as file:
            try:
                content = json.load(file)
            except json.JSONDecodeError as error:
                raise ValueError(f"{path}: expected a saved result, got no JSON ({error})") from None
        kinds: dict[str, type[Result]] = {"Result": Result}
        kinds |= {kind.__name__: kind for kind in Result.__subclasses__()}
        parts = ("values", "signature", "notes", "captioners")
        if (
            not isinstance(content, dict)
            or content.get("format") != FORMAT
            or content.get("kind") not in kinds
            or not all(part in content for part in parts)
        ):
            raise ValueError(f"{path}: expected a result saved by Result.save, got other JSON")
        values = _with_nan(content["values"])
        if "signature" in values:
            values["signature"] = content["signature"]
        return kinds[content["kind"]](values, *(content[part] for part in parts[1:]))

    def difference(self, other: "Result") -> dict:
        """Every AUROC of this result less the other's, by name.

        Raises ValueError if the signatures differ, and says in what. For intervals of the differences and
        tests give both detectors' scores to `compare`.
        """
        for each in (self, other):
            if type(each) is not Result:
                raise ValueError(f"expected two results of one detector each, got a {type(each).__name__}")
        found = differences(self.signature, other.signature)
        if found:
            raise ValueError(
                "the results do not compare; their signatures differ in " + "; ".join(found) + ". Compute "
                "both on the same data with the same options"
            )
        mine, others = self.aurocs(), other.aurocs()
        return {name: mine[name] - others[name] for name in mine if name in others}

    def aurocs(self) -> dict[str, float]:
        """Every AUROC by its flat name: `auroc`, `auroc_pooled`, `auroc_NAME`."""
        nested = self.get("captioners") or {}
        flat = {name: self[name] for name in ("auroc", "auroc_pooled") if name in self}
        flat |= {f"auroc_{name}": self[f"auroc_{name}"] for name in self.captioners}
        return flat | {f"auroc_{name}": cells["auroc"] for name, cells in nested.items()}

    def _table(self) -> list[str]:
        nested, lines = self.get("captioners") or {}, []
        for name, value in self.aurocs().items():
            captioner = name.removeprefix("auroc_")
            limits = (
                (nested[captioner]["auroc_low"], nested[captioner]["auroc_high"])
                if captioner in nested
                else (self.get(f"{name}_low", math.nan), self.get(f"{name}_high", math.nan))
            )
            label = "mean AUROC" if name == "auroc" else captioner
            lines.append(row(label, value, *limits))
        return lines


def row(label: str, value: float, low: float = math.nan, high: float = math.nan) -> str:
    """A line of a printed table."""
    limits = "" if math.isnan(low) or math.isnan(high) else f"  [{low:.4f}, {high:.4f}]"
    return f"{label:<24} {value:>7.4f}{limits}"


def _without_nan(value):
    """`value` with null for what is not defined: JSON has no NaN."""
    if isinstance(value, dict):
        return {key: _without_nan(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_nan(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _with_nan(value, key: str = ""):
    """The reverse; a part that was left out stays None."""
    if isinstance(value, dict):
        return {name: _with_nan(part, name) for name, part in value.items()}
    if isinstance(value, list):
        return [_with_nan(part) for part in value]
    return math.nan if value is None and key not in PARTS else value


PARTS = ("position", "types", "domain", "self_preference")
