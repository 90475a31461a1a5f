"""The blocks of a page. They hold plain values; the template escapes and arranges them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from markupsafe import Markup

_NOTHING = Markup("")


@dataclass(frozen=True)
class Text:
    """A paragraph.

    >>> Text("Two files were read.")
    Text(text='Two files were read.')
    """

    kind: ClassVar[str] = "text"
    text: str


@dataclass(frozen=True)
class Note:
    """A paragraph that must not be missed.

    >>> Note("No molecule is active.")
    Note(text='No molecule is active.')
    """

    kind: ClassVar[str] = "note"
    text: str


@dataclass(frozen=True)
class Facts:
    """Facts: names and their values.

    >>> Facts({"assays": "13"})
    Facts(items={'assays': '13'})
    """

    kind: ClassVar[str] = "facts"
    items: Mapping[str, str]


@dataclass(frozen=True)
class Table:
    """A table of text; the first column names the row.

    >>> Table(["method", "ΔAUPRC"], [["rf", "0.21"]], "Means over assays.")
    Table(columns=['method', 'ΔAUPRC'], rows=[['rf', '0.21']], caption='Means over assays.')

    Attributes:
        columns: The headings.
        rows: Cells, one a column.
        caption: Text below it.
    """

    kind: ClassVar[str] = "table"
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    caption: str = ""


@dataclass(frozen=True)
class Figure:
    """A plot.

    >>> from molmeta.reporting.plots import Series, line_plot
    >>> line = Series("rf", x=[16, 64], y=[0.2, 0.3])
    >>> plot = line_plot([line], x_label="support size", y_label="ΔAUPRC", x_ticks=[16, 64])
    >>> Figure(plot, "Means over assays.").kind
    'figure'

    Attributes:
        svg: As `plots` draws it.
        caption: Text below it.
        legend: As `plots.legend` draws it.
    """

    kind: ClassVar[str] = "figure"
    svg: Markup
    caption: str
    legend: Markup = _NOTHING


@dataclass(frozen=True)
class MoleculeCard:
    """A drawn molecule.

    >>> from molmeta.reporting.molecules import draw
    >>> MoleculeCard(draw("CCO"), ["ethanol"], marked=True).lines
    ['ethanol']

    Attributes:
        svg: As `molecules.draw` draws it.
        lines: Text below it.
        marked: Whether its frame is heavy, for actives.
    """

    svg: Markup
    lines: Sequence[str]
    marked: bool = False


@dataclass(frozen=True)
class Molecules:
    """Drawn molecules side by side.

    >>> from molmeta.reporting.molecules import draw
    >>> len(Molecules([MoleculeCard(draw("CCO"), ["ethanol"])], "Support set:").cards)
    1
    """

    kind: ClassVar[str] = "molecules"
    cards: Sequence[MoleculeCard]
    caption: str


@dataclass(frozen=True)
class Reason:
    """A molecule that speaks for or against a candidate.

    >>> Reason("m1", ["ethanol", "active"], favours=True).favours
    True

    Attributes:
        drawing: The `name` that its drawing has elsewhere on the page.
        lines: Text below it.
        favours: Whether it speaks for.
    """

    drawing: str
    lines: Sequence[str]
    favours: bool


@dataclass(frozen=True)
class Candidate:
    """A molecule in a ranking.

    >>> from molmeta.reporting.molecules import draw
    >>> Candidate(draw("CCO"), "ethanol", 0.7, 0.5, 0.8, lines=["row 1"], reasons=[]).title
    'ethanol'

    Attributes:
        svg: As `molecules.draw` draws it.
        title: Its name.
        probability: From 0 to 1.
        low: Lower end of its uncertainty.
        high: Upper end.
        lines: Other facts about it.
        reasons: Support molecules that speak for or against it.
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

    >>> from molmeta.reporting.molecules import draw
    >>> best = Candidate(draw("CCO"), "ethanol", 0.7, 0.5, 0.8, lines=[], reasons=[])
    >>> len(Ranking([best], {}, "The best first.").candidates)
    1

    Attributes:
        candidates: The best first.
        filters: Keys, of letters and hyphens, and the texts of their boxes.
        caption: Text below it.
    """

    kind: ClassVar[str] = "ranking"
    candidates: Sequence[Candidate]
    filters: Mapping[str, str]
    caption: str


Block = Text | Note | Facts | Table | Figure | Molecules | Ranking


@dataclass(frozen=True)
class Section:
    """A heading and the blocks below it.

    >>> Section("Files", [Text("One was read.")])
    Section(title='Files', blocks=[Text(text='One was read.')])
    """

    title: str
    blocks: Sequence[Block]
