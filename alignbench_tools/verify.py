"""`alignbench verify`: hold a release against the figures that its authors published."""

import argparse
import csv
import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

import alignbench
from alignbench_tools import release

TOTAL = "Total"
# Table 2 has 2,417 SD sentences and the Fleiss file 22,005 SD items: no release can agree with both.
DISPUTED = "sd"
CORRECT, UNKNOWN = alignbench.LABELS.index("correct"), alignbench.LABELS.index("unknown")
OVERRULED_FILE = "overruled.jsonl"
VOTES = ("correct", "incorrect", "unknown")
LABEL_OF_VOTE = np.array([alignbench.LABELS.index(vote) for vote in VOTES])

TABLE2, FLEISS, VOTING = "Table 2", "Fleiss file", "Votes"
# Figure -> decimals that are printed and compared.
DECIMALS = {
    TABLE2: {"sentences": 0, "sentences_per_image": 1, "positive_percent": 1, "words_per_sentence": 1},
    FLEISS: {"N_items": 0, "P_bar": 4, "P_e": 4, "kappa": 4},
    VOTING: {"contradicted labels": 0},
}
TITLES = {
    TABLE2: "Table 2 of the paper (arXiv 2511.20515), sentences labelled unknown excluded",
    FLEISS: "fleiss_by_model.csv of the Hub dataset, sentences labelled unknown included",
    VOTING: "Labels that are not the majority of their votes (a tie is unknown); expected: none",
}
MARKS = {"agrees": " ", "known": "~", "differs": "!"}

Figures = dict[str, dict[str, float]]


@dataclass(frozen=True)
class Check:
    """One published figure beside the one found; `found` is None where the release has nothing to count."""

    source: str
    captioner: str
    figure: str
    published: float
    found: float | None
    status: Literal["agrees", "known", "differs"]

    def __str__(self) -> str:
        return (
            f"{self.source}, {self.captioner}, {self.figure}: "
            f"published {self.show(self.published)}, found {self.show(self.found, extra=2)}"
        )

    def show(self, value: float | None, extra: int = 0) -> str:
        """`value` with the decimals of the publication, and `extra` ones unless it is a count."""
        decimals = DECIMALS[self.source][self.figure]
        return "nothing" if value is None else f"{value:,.{decimals and decimals + extra}f}"


@dataclass(frozen=True)
class Verification:
    """All checks of a release; `ok` unless a figure differs by more than rounding."""

    checks: tuple[Check, ...]
    notes: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        return all(check.status != "differs" for check in self.checks)

    def __str__(self) -> str:
        groups = [[check for check in self.checks if check.source == source] for source in DECIMALS]
        parts = [grid(checks) for checks in groups if checks]
        parts += [f"Note: {note}" for note in self.notes]
        known = [check for check in self.checks if check.status == "known"]
        parts.append(
            "Known disagreement of the publications, not a failure (~ where it shows here): Table 2 has "
            f"2,417 sentences of Stable Diffusion (sd), the Fleiss file 22,005 items.{bullets(known)}"
        )
        differing = [check for check in self.checks if check.status == "differs"]
        if differing:
            parts.append(f"Differ by more than rounding (!):{bullets(differing)}")
        agreeing = len(self.checks) - len(known) - len(differing)
        parts.append(
            f"{agreeing} figures agree within rounding, {len(known)} are known to disagree, "
            f"{len(differing)} differ."
        )
        return "\n\n".join(parts)


def add_parser(verbs: Any) -> None:
    """Add the verb to `verbs`."""
    parser = verbs.add_parser(
        "verify",
        help="compare a release with its published figures",
        description="Compare a release with Table 2 of the paper and the Hub's fleiss_by_model.csv. "
        "Exits with 1 where a figure differs by more than rounding.",
    )
    release.add_options(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Load without pictures, print the report and the comparison; 1 where a figure differs."""
    dataset = release.load(args, "sentences", "skip")
    figures = published()
    figures = only(figures, args.captioners) if args.captioners else figures
    verification = verify(dataset.data.table, figures, overruled(args.data_dir))
    print(alignbench.report(dataset), verification, sep="\n\n")
    return 0 if verification.ok else 1


def overruled(folder: str | None) -> frozenset[str]:
    """Ids of the sentences whose label an adjudicator, or another rule than the majority, decided."""
    path = Path(folder or "") / OVERRULED_FILE
    if folder is None or not path.is_file():
        return frozenset()
    return frozenset(json.loads(line)["id"] for line in path.read_text(encoding="utf-8").splitlines())


def verify(
    table: pa.Table, figures: Mapping[str, Figures] | None = None, overruled: Collection[str] = ()
) -> Verification:
    """Compare the rows of a release with the published figures.

    Args:
        table: rows of the config `sentences`; used are `captioner`, `image_id`, `sentence`, `label`
            (0 incorrect, 1 correct, 2 unknown) and `votes` (counts of the same three).
        figures: what to compare with, in the form of `published()`, which is the default.
        overruled: ids of sentences whose label need not be the majority of their votes.

    Returns:
        One check per published figure (Table 2 of arXiv 2511.20515 and `fleiss_by_model.csv`), and one for
        the labels that are not what most of their voters said.
    """
    captioners = table["captioner"].unique().to_pylist()
    found2, found_fleiss, contradicted, voteless = describe(table, captioners)
    if overruled:
        explained = pc.is_in(table["id"], pa.array(list(overruled), table.schema.field("id").type))
        left = table.filter(pc.invert(explained))
        contradicted = contradictions(np.asarray(left["label"]), vote_counts(left["votes"]))
    figures = figures or published()
    checks = [*compare(TABLE2, figures[TABLE2], found2), *compare(FLEISS, figures[FLEISS], found_fleiss)]
    wrong = Check(
        VOTING, TOTAL, "contradicted labels", 0, contradicted, "differs" if contradicted else "agrees"
    )
    notes = []
    if strangers := sorted(set(captioners) - figures[FLEISS]["N_items"].keys()):
        notes.append(f"no published figures for {', '.join(strangers)}; the totals include them.")
    if overruled:
        notes.append(
            f"labels that {OVERRULED_FILE} explains, not held against their votes: {len(overruled):,}."
        )
    if voteless:
        notes.append(f"rows with fewer than two votes, left out of Fleiss' figures: {voteless:,}.")
    return Verification((*settle(checks), wrong), tuple(notes))


def describe(table: pa.Table, captioners: list[str]) -> tuple[Figures, Figures, int, int]:
    """The release's own Table 2 and Fleiss figures, its contradicted labels and its rows without votes."""
    code = pc.index_in(table["captioner"], pa.array(captioners, table.schema.field("captioner").type))
    groups = np.asarray(code)
    label = np.asarray(table["label"])
    votes = vote_counts(table["votes"])
    labelled = label != UNKNOWN
    kept = table.filter(pa.array(labelled))
    found2 = table2(groups[labelled], label[labelled], kept, captioners)
    rated = votes.sum(axis=1) >= 2
    found_fleiss = fleiss(groups, votes, rated, captioners)
    return found2, found_fleiss, contradictions(label, votes), int((~rated).sum())


def table2(groups: np.ndarray, label: np.ndarray, table: pa.Table, captioners: list[str]) -> Figures:
    """Table 2's figures per captioner and in total.

    Images count once per captioner, words are what white space separates, a percentage is of sentences.
    """
    n = len(captioners)
    images = table.select(["captioner", "image_id"]).group_by(["captioner", "image_id"]).aggregate([])
    images_of = pc.index_in(images["captioner"], pa.array(captioners, images.schema.field("captioner").type))
    sentences = with_total(np.bincount(groups, minlength=n))
    correct = with_total(np.bincount(groups, label == CORRECT, n))
    words = with_total(np.bincount(groups, word_counts(table["sentence"]), n))
    image_count = with_total(np.bincount(np.asarray(images_of), minlength=n))
    with np.errstate(invalid="ignore"):
        figures = {
            "sentences": sentences,
            "sentences_per_image": sentences / image_count,
            "positive_percent": 100 * correct / sentences,
            "words_per_sentence": words / sentences,
        }
    return named(figures, [*captioners, TOTAL])


def fleiss(groups: np.ndarray, votes: np.ndarray, rated: np.ndarray, captioners: list[str]) -> Figures:
    """Fleiss' kappa per captioner, for items whose numbers of raters may differ.

    P_bar is the mean over items of the share of agreeing pairs of raters, P_e the sum of the squared shares
    of all votes, kappa = (P_bar - P_e) / (1 - P_e) (Fleiss 1971).

    Args:
        groups: (n,) number of each item's captioner.
        votes: (n, 3) votes per item and category.
        rated: (n,) whether an item has the two votes that agreement takes.
        captioners: their names.
    """
    n = len(captioners)
    items = np.bincount(groups, minlength=n)
    groups, votes = groups[rated], votes[rated]
    raters = votes.sum(axis=1)
    agreeing = ((votes * votes).sum(axis=1) - raters) / (raters * (raters - 1))
    shares = np.stack([np.bincount(groups, column, n) for column in votes.T])
    with np.errstate(invalid="ignore"):
        p_bar = np.bincount(groups, agreeing, n) / np.bincount(groups, minlength=n)
        p_e = ((shares / shares.sum(axis=0)) ** 2).sum(axis=0)
        kappa = (p_bar - p_e) / (1 - p_e)
    figures = named({"P_bar": p_bar, "P_e": p_e, "kappa": kappa}, captioners)
    return named({"N_items": with_total(items)}, [*captioners, TOTAL]) | figures


def contradictions(label: np.ndarray, votes: np.ndarray) -> int:
    """How many labels are not what most of their voters said, which is "unknown" where that is shared.

    Items without votes contradict nothing.
    """
    ranked = np.sort(votes, axis=1)
    majority = np.where(ranked[:, 2] > ranked[:, 1], LABEL_OF_VOTE[votes.argmax(axis=1)], UNKNOWN)
    return int(((majority != label) & (ranked[:, 2] > 0)).sum())


def vote_counts(column: pa.ChunkedArray) -> np.ndarray:
    """(n, 3) votes in the order of VOTES; a vote that is null counts as none."""
    counts = [pc.fill_null(pc.struct_field(column, name), 0) for name in VOTES]
    return np.stack([np.asarray(count, dtype=np.int64) for count in counts], axis=1)


def word_counts(column: pa.ChunkedArray) -> np.ndarray:
    """Words per sentence: what `str.split` gives, without a Python string per sentence."""
    trimmed = pc.utf8_trim_whitespace(pc.fill_null(column, ""))
    counts = pc.list_value_length(pc.utf8_split_whitespace(trimmed))
    return np.asarray(counts) * (np.asarray(pc.utf8_length(trimmed)) > 0)


def with_total(values: np.ndarray) -> np.ndarray:
    return np.append(values, values.sum())


def named(figures: Mapping[str, np.ndarray], names: list[str]) -> Figures:
    """Figure -> captioner -> value, without those that are undefined."""
    return {
        figure: {name: float(value) for name, value in zip(names, values, strict=True) if not np.isnan(value)}
        for figure, values in figures.items()
    }


def published() -> dict[str, Figures]:
    """The published figures by source, from the files beside this one."""
    folder = files(__package__).joinpath("published")
    table2 = json.loads(folder.joinpath("table2.json").read_text(encoding="utf-8"))
    rows = list(
        csv.DictReader(folder.joinpath("fleiss_by_model.csv").read_text(encoding="utf-8").splitlines())
    )
    fleiss = {figure: {row["model"]: float(row[figure]) for row in rows} for figure in DECIMALS[FLEISS]}
    fleiss["N_items"][TOTAL] = sum(fleiss["N_items"].values())
    return {TABLE2: table2, FLEISS: fleiss}


def only(figures: Mapping[str, Figures], captioners: Iterable[str]) -> dict[str, Figures]:
    """The figures of some captioners: no totals, which are of all."""
    return {
        source: {
            figure: {name: value for name, value in values.items() if name in captioners}
            for figure, values in table.items()
        }
        for source, table in figures.items()
    }


def compare(source: str, published: Figures, found: Figures) -> Iterator[Check]:
    """A check per published figure, before the known disagreement is settled."""
    for figure in DECIMALS[source]:
        for captioner, value in published[figure].items():
            below, above = rounding(source, figure, published[figure], captioner)
            got = found[figure].get(captioner)
            # Bounds may be met, as by 82.65 for 82.7: binary fractions need room for that.
            near = got is not None and -below - 1e-9 <= got - value <= above + 1e-9
            yield Check(source, captioner, figure, value, got, "agrees" if near else "differs")


def rounding(source: str, figure: str, published: Mapping[str, float], captioner: str) -> tuple[float, float]:
    """How far below and above the printed figure the exact one may lie.

    The paper prints counts with four digits and totals them as printed, and rounds some decimals down (as
    four averages of its Table 3 show), so that the exact one may lie a whole unit above.
    """
    if decimals := DECIMALS[source][figure]:
        unit = 10.0**-decimals
        return unit / 2, unit if source == TABLE2 else unit / 2
    if source != TABLE2:
        return 0, 0
    rounded = [name for name, count in published.items() if count >= 10_000 and name != TOTAL]
    slack = 5 * (len(rounded) if captioner == TOTAL else captioner in rounded)
    return slack, slack


def settle(checks: Iterable[Check]) -> Iterator[Check]:
    """Mark as known what differs only because the two publications disagree on Stable Diffusion.

    A release agrees with one of them in its number of SD rows, and is excused from the other: from the
    other's SD figures and from the totals that they enter. One that agrees with neither is not excused.
    """
    checks = list(checks)
    status = {(check.captioner, check.figure): check.status for check in checks}
    agrees = {
        TABLE2: status.get((DISPUTED, "sentences")) == "agrees",
        FLEISS: status.get((DISPUTED, "N_items")) == "agrees",
    }
    excused: set[tuple[str, str]] = set()
    if agrees[TABLE2] and not agrees[FLEISS]:
        excused = {(FLEISS, "N_items")}
    elif agrees[FLEISS] and not agrees[TABLE2]:
        excused = {(TABLE2, figure) for figure in DECIMALS[TABLE2]}
    for check in checks:
        known = (
            check.status == "differs"
            and (check.source, check.figure) in excused
            and (check.captioner == DISPUTED or (check.captioner == TOTAL and only_disputed(check, checks)))
        )
        yield Check(**{**vars(check), "status": "known"}) if known else check


def only_disputed(total: Check, checks: list[Check]) -> bool:
    """Whether no captioner but the disputed one differs in the figure of this total."""
    others = [check for check in checks if (check.source, check.figure) == (total.source, total.figure)]
    return all(check.status == "agrees" for check in others if check.captioner not in (DISPUTED, TOTAL))


def grid(checks: list[Check]) -> str:
    """Published beside found: a line per captioner, a pair of columns per figure."""
    source = checks[0].source
    cells = {(check.captioner, check.figure): check for check in checks}
    captioners = list(dict.fromkeys(check.captioner for check in checks))
    head = f"{'published | found':<17}" + "".join(f"{figure:>24}" for figure in DECIMALS[source])
    lines = [TITLES[source], head]
    for captioner in captioners:
        line = f"{captioner:<17}"
        for figure in DECIMALS[source]:
            check = cells.get((captioner, figure))
            text = check and f"{check.show(check.published)} | {check.show(check.found)}{MARKS[check.status]}"
            line += f"{text or ' ':>24}"
        lines.append(line.rstrip())
    return "\n".join(lines)


def bullets(checks: Iterable[Check]) -> str:
    return "".join(f"\n  {check}" for check in checks)
