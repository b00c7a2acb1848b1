"""The page: one HTML file that holds everything, asks nothing of any host and needs no script to be read."""

import base64
import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Any

import jinja2
from markupsafe import Markup

from alignbench_tools.reporting import tables
from alignbench_tools.reporting.comparisons import MEAN
from alignbench_tools.reporting.data import DESCRIBED, DRAWN
from alignbench_tools.reporting.figures import Figure
from alignbench_tools.reporting.gallery import Mistake
from alignbench_tools.reporting.leaderboard import Cell, Leaderboard
from alignbench_tools.reporting.provenance import Provenance


@dataclass(frozen=True)
class Card:
    """A mistake with the printed name of its captioner and, where there is one, its picture as a data URL."""

    mistake: Mistake
    id: str
    captioner: str
    anchor: str
    picture: str | None = None


@dataclass(frozen=True)
class Group:
    """The mistakes of one detector about sentences of one label ("incorrect" or "correct")."""

    title: str
    detector: str
    label: str
    cards: list[Card]


@dataclass(frozen=True)
class Gallery:
    """Groups of mistakes; `notes` are sentences that stand above them."""

    groups: list[Group] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def pictures(self) -> bool:
        """Whether any card has its picture."""
        return any(card.picture for group in self.groups for card in group.cards)

    @property
    def filters(self) -> list[tuple[str, str, list[str]]]:
        """(attribute, label, values) that cards are chosen by; none where all cards agree."""
        cards = [(group, card) for group in self.groups for card in group.cards]
        values = {
            ("detector", "Detector"): [group.detector for group, _ in cards],
            ("label", "Sentences that are"): [group.label for group, _ in cards],
            ("captioner", "by"): [card.captioner for _, card in cards],
            ("type", "Type"): [kind for _, card in cards for kind in card.mistake.types],
        }
        distinct = {names: list(dict.fromkeys(found)) for names, found in values.items()}
        return [(*names, found) for names, found in distinct.items() if len(found) > 1]


def render(
    title: str,
    summary: str,
    board: Leaderboard,
    figures: Sequence[Figure],
    left_out: Sequence[tuple[str, str]],
    gallery: Gallery,
    provenance: Provenance,
) -> bytes:
    """The page's bytes. Every text from outside is escaped by the templates; `left_out` are titles of figures
    that could not be drawn, each with the reason."""
    style, script = _own("page.css"), _own("page.js")
    policy = (
        f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
    html = (
        _environment()
        .get_template("page.html")
        .render(
            title=title,
            summary=summary,
            policy=policy,
            # Ours, not anybody's words: escaped they would not run.
            style=Markup(style),
            script=Markup(script),
            board=board,
            nothing=Cell(),
            **_shape(board),
            legend=tables.legend(board),
            published_head=tables.published_head(),
            sources=[
                ("LaTeX", tables.as_latex(board)),
                ("Markdown", tables.as_markdown(board)),
                ("CSV", tables.as_csv(board)),
            ],
            figures=[_figure(figure) for figure in figures],
            left_out=left_out,
            gallery=gallery,
            provenance=provenance,
        )
    )
    # A lone surrogate in somebody's text has no UTF-8.
    return html.encode("utf-8", "replace")


def _shape(board: Leaderboard) -> dict[str, Any]:
    """Which parts the leaderboard's table has."""
    keys = [column.key for column in board.columns]
    drawn = [key for key in keys if key in DRAWN]
    described = [key for key in keys if key in DESCRIBED]
    return {
        "ranked": any(row.rank for row in board.rows),
        "counted": any(column.n_correct is not None for column in board.columns),
        "first_drawn": drawn[0] if drawn else None,
        "described": len(described),
        "drawn": len(drawn),
        "others": len(keys) - len(drawn) - len(described) - (MEAN in keys),
    }


def _figure(figure: Figure) -> dict[str, str]:
    """As an image of its own: its styles and ids stay apart from the page's and from other figures'."""
    data = base64.b64encode(figure.svg.encode()).decode()
    texts = {name: getattr(figure, name) for name in ("name", "title", "sentence", "alt")}
    return {**texts, "url": f"data:image/svg+xml;base64,{data}"}


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader(__package__),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters |= {
        "percent": tables.percent,
        "interval": tables.interval,
        "exact": lambda value: "" if math.isnan(value) else repr(float(value)),
    }
    return environment


def _own(name: str) -> str:
    return (resources.files(__package__) / "templates" / name).read_text(encoding="utf-8")


def _hash(content: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}'"
