"""What a round of judging comes to: a verdict per sentence, and which captions are ready for a release."""

from collections import Counter
from typing import Literal, NamedTuple

from alignbench_tools.annotation.exports import Ballots
from alignbench_tools.annotation.items import Item, Round
from alignbench_tools.annotation.votes import Verdict, Vote, dawid_skene, judge

Method = Literal["majority", "dawid-skene"]


class Outcome(NamedTuple):
    """Verdicts by item key, in the order of the items, gold sentences excluded.

    `adjudicated` are the keys that an adjudicator decided, `unfinished` those with too few votes, `left_out`
    those of captions that are not ready and so in no release.
    """

    verdicts: dict[str, Verdict]
    adjudicated: frozenset[str]
    unfinished: frozenset[str]
    left_out: frozenset[str]

    def released(self) -> dict[str, Verdict]:
        """The verdicts that a release gets."""
        return {key: verdict for key, verdict in self.verdicts.items() if key not in self.left_out}


def decide(
    judging: Round,
    ballots: Ballots,
    method: Method = "majority",
    min_votes: int | None = None,
    partial: bool = False,
) -> Outcome:
    """The verdict on every sentence of `judging`.

    A sentence that was adjudicated is as most of its last adjudicators say; its votes stay the annotators'. A
    sentence with fewer than `min_votes` votes (default: what the round asked for) is unfinished, and its
    whole caption is left out, for a caption with a gap is another text; with `partial` the caption is
    kept, and its unfinished sentences are unknown, without votes.
    """
    wanted = judging.votes if min_votes is None else min_votes
    if wanted < 1:
        raise ValueError(f"--min-votes {wanted}: expected at least 1")
    items = {key: item for key, item in judging.items.items() if item.gold is None}
    decisions = ballots.decisions
    labels = dawid_skene(ballots.first) if method == "dawid-skene" else {}
    verdicts, unfinished = {}, set()
    for key, item in items.items():
        votes = ballots.first.get(key, [])
        if len(votes) < wanted and key not in decisions:
            unfinished.add(key)
            verdicts[key] = Verdict("unknown", (), (0, 0, 0))
        else:
            verdicts[key] = _verdict(item, votes, decisions.get(key), labels.get(key))
    gaps = {_caption(items[key]) for key in unfinished} if not partial else set()
    left_out = frozenset(key for key, item in items.items() if _caption(item) in gaps)
    return Outcome(verdicts, frozenset(decisions) & set(items), frozenset(unfinished), left_out)


def _verdict(item: Item, votes: list[Vote], decision: list[Vote] | None, label: str | None) -> Verdict:
    verdict = judge(item.sentence, votes, label)
    if decision is None:
        return verdict
    decided = judge(item.sentence, decision)
    return verdict._replace(label=decided.label, spans=decided.spans, doubts=decided.doubts)


def _caption(item: Item) -> tuple[str, str]:
    return item.model, item.image_name


def in_doubt(outcome: Outcome, below: float = 0.0) -> dict[str, tuple[str, ...]]:
    """What to adjudicate, by key, and why: ties, no common words, and agreement under `below` (0 to 1).

    Unfinished sentences wait for their votes; those that were adjudicated come again only if in doubt still.
    """
    found = {}
    for key, verdict in outcome.verdicts.items():
        doubts = verdict.doubts
        low = verdict.agreement is not None and verdict.agreement < below
        if low and key not in outcome.adjudicated:
            doubts = (*doubts, "low agreement")
        if doubts and key not in outcome.unfinished:
            found[key] = doubts
    return found


def said(verdict: Verdict, item: Item, votes: list[Vote]) -> str:
    """The votes on a sentence in words, without names, for an adjudicator."""
    counts = ", ".join(
        f"{count} {choice}"
        for choice, count in zip(("correct", "incorrect", "unknown"), verdict.counts, strict=True)
        if count
    )
    marked = Counter(
        (item.sentence[mark.start : mark.end], mark.type or "no type")
        for vote in votes
        for mark in vote.marks
    )
    words = "; ".join(f"“{text}” {kind} ({number}x)" for (text, kind), number in marked.most_common())
    return f"{counts}. Marked: {words}" if words else f"{counts}."
