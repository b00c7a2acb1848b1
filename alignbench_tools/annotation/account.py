"""The release of a round, and the account of how it came about."""

import json
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import alignbench
from alignbench_tools.annotation import agreement, outcome, releases
from alignbench_tools.annotation.exports import Ballots
from alignbench_tools.annotation.folders import new_folder
from alignbench_tools.annotation.items import CAPTIONS_FILE, Item, Round, place_pictures, write_lines
from alignbench_tools.annotation.votes import CHOICES, majority

VOTES_FILE, ACCOUNT_FILE = "votes.jsonl", "annotation.json"


def write(
    out: Path, source: Path, judging: Round, ballots: Ballots, result: outcome.Outcome, method: str
) -> dict[str, Any]:
    """Write the new release folder `out` and return its account.

    Beside the published layout it gets `votes.jsonl`, every vote with its exact marks; `overruled.jsonl`,
    the labels that are not the majority of their votes; `annotation.json`, the account; and of a collection
    `captions.jsonl`, how its captions were made. Pictures come from the round's folder `source`.
    """
    released = result.released()
    items = {key: judging.items[key] for key in released}
    report = account(judging, ballots, result, method)
    with new_folder(out) as folder:
        rows = [releases.row(items[key], verdict) for key, verdict in released.items()]
        report["widened"] = sum(widened for _, widened in rows)
        releases.write_rows(folder, (columns for columns, _ in rows))
        paths = {path: source / path for item in items.values() if (path := item.image_path_in_repo)}
        place_pictures(paths, folder)
        if (source / CAPTIONS_FILE).is_file():
            shutil.copyfile(source / CAPTIONS_FILE, folder / CAPTIONS_FILE)
        write_lines(folder / VOTES_FILE, _votes(items, ballots))
        if overruled := list(_overruled(items, result, method)):
            write_lines(folder / releases.OVERRULED_FILE, overruled)
        text = json.dumps(report, ensure_ascii=False, indent=1)
        (folder / ACCOUNT_FILE).write_text(text, encoding="utf-8")
    return report


def account(judging: Round, ballots: Ballots, result: outcome.Outcome, method: str) -> dict[str, Any]:
    """What is written beside a release: how many of what, agreement, annotators."""
    released = result.released()
    counts = agreement.as_numbers(released)
    models = [judging.items[key].model for key in released]
    try:
        alpha = agreement.krippendorff_alpha(counts)
        note = None
    except ValueError as error:
        alpha, note = None, str(error)
    labels = [verdict.label for verdict in released.values()]
    return {
        "method": method,
        "sentences": len(released),
        "labels": {label: labels.count(label) for label in alignbench.LABELS},
        "adjudicated": len(result.adjudicated & released.keys()),
        "in_doubt": len(outcome.in_doubt(result)),
        "unfinished": len(result.unfinished),
        "left_out": len(result.left_out),
        "fleiss": agreement.fleiss(models, counts),
        "krippendorff_alpha": alpha,
        **({"krippendorff_note": note} if note else {}),
        "annotators": [record._asdict() for record in agreement.annotators(ballots.first, judging.items)],
        "problems": ballots.problems.counts(),
    }


def summary(report: Mapping[str, Any]) -> str:
    """The account in words."""
    labels = ", ".join(f"{count:,} {label}" for label, count in report["labels"].items())
    lines = [
        f"{report['sentences']:,} sentences ({labels}), {report['adjudicated']:,} adjudicated, "
        f"{report['in_doubt']:,} in doubt",
        f"unfinished: {report['unfinished']:,}; left out with their captions: {report['left_out']:,}",
    ]
    for model, figures in report["fleiss"].items():
        lines.append(f"{model}: Fleiss' kappa {_shown(figures.get('kappa'))}")
    alpha = report.get("krippendorff_note") or _shown(report["krippendorff_alpha"])
    lines.append(f"Krippendorff's alpha: {alpha}")
    if report["widened"]:
        lines.append(f"sentences whose wrong words were widened to be found again: {report['widened']:,}")
    lines.append(agreement.table([agreement.Annotator(**record) for record in report["annotators"]]))
    return "\n".join(lines)


def _shown(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.4f}"


def _votes(items: Mapping[str, Item], ballots: Ballots) -> Iterator[dict[str, Any]]:
    """Every vote on the released sentences, annotators by the number of their account."""
    for key, item in items.items():
        for number in sorted(ballots.rounds):
            for vote in ballots.rounds[number].get(key, ()):
                marks = [mark._asdict() for mark in vote.marks]
                head = {"id": item.id, "round": number, "annotator": vote.annotator}
                yield {**head, "choice": vote.choice, "marks": marks}


def _overruled(items: Mapping[str, Item], result: outcome.Outcome, method: str) -> Iterator[dict[str, Any]]:
    """The sentences whose label is not what most of their annotators said, and who overruled them."""
    for key, item in items.items():
        verdict = result.verdicts[key]
        said = majority(dict(zip(CHOICES, verdict.counts, strict=True)))
        if any(verdict.counts) and said != verdict.label:
            by = "adjudication" if key in result.adjudicated else method
            yield {"id": item.id, "annotation": verdict.label, "majority": said, "by": by}
