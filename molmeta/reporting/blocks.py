"""The blocks of a page. They hold plain values; the template escapes and arranges them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from markupsafe import Markup

_NOTHING = Markup("")


@dataclass(frozen=True)
class Text:
    """A paragraph."""

    kind: ClassVar[str] = "text"
    text: str


@dataclass(frozen=True)
class Note:
    """A paragraph that must not be missed."""

    kind: ClassVar[str] = "note"
    text: str


@dataclass(frozen=True)
class Facts:
    """Names and what they are."""

    kind: ClassVar[str] = "facts"
    items: Mapping[str, str]


@dataclass(frozen=True)
class Table:
    """A table of text; the first column names the row.

    Attributes:
        columns: Their headings.
        rows: Cells, one a column.
        caption: What it shows.
    """

    kind: ClassVar[str] = "table"
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    caption: str = ""


@dataclass(frozen=True)
class Figure:
    """A plot.

    Attributes:
        svg: As `plots` draws it.
        caption: What it shows, and how to read it.
        legend: As `plots.legend` draws it.
    """

    kind: ClassVar[str] = "figure"
    svg: Markup
    caption: str
    legend: Markup = _NOTHING


@dataclass(frozen=True)
class MoleculeCard:
    """A drawn molecule.

    Attributes:
        svg: As `molecules.draw` draws it.
        lines: What stands below it.
        marked: Whether its frame is heavy, for actives.
    """

    svg: Markup
    lines: Sequence[str]
    marked: bool = False


@dataclass(frozen=True)
class Molecules:
    """Drawn molecules side by side."""

    kind: ClassVar[str] = "molecules"
    cards: Sequence[MoleculeCard]
    caption: str


@dataclass(frozen=True)
class Reason:
    """A molecule that speaks for or against a candidate.

    Attributes:
        drawing: The `name` that its drawing has elsewhere on the page.
        lines: What stands below it.
        favours: Whether it speaks for.
    """

    drawing: str
    lines: Sequence[str]
    favours: bool


@dataclass(frozen=True)
class Candidate:
    """A molecule in a ranking.

    Attributes:
        svg: As `molecules.draw` draws it.
        title: What it is called.
        probability: From 0 to 1.
        low: Lower end of its uncertainty.
        high: Upper end.
        lines: What else is known of it.
        reasons: Why it stands where it does.
        lacks: Keys of the filters that hide it.
    """

    svg: Markup
    title: str
    probability: float
    low: float
    high: float
    lines: Sequence[str]
    reasons: Sequence[Reason]
    lacks: Sequence[str] = ()


@dataclass(frozen=True)
class Ranking:
    """Candidates in order, with filters that work by style sheets alone.

    Attributes:
        candidates: The best first.
        filters: Keys, of letters and hyphens, and what stands beside their boxes.
        caption: How to read it.
    """

    kind: ClassVar[str] = "ranking"
    candidates: Sequence[Candidate]
    filters: Mapping[str, str]
    caption: str


Block = Text | Note | Facts | Table | Figure | Molecules | Ranking


@dataclass(frozen=True)
class Section:
    """A heading and what stands below it."""

    title: str
    blocks: Sequence[Block]
