"""The blocks of a page. They hold plain values; the template escapes and arranges them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

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

    >>> Facts({"assays": "13"}, {"assays": "Each is one protein."}).items
    {'assays': '13'}

    Attributes:
        items: Values by name.
        meanings: What a value means, by name, where it needs words.
    """

    kind: ClassVar[str] = "facts"
    items: Mapping[str, str]
    meanings: Mapping[str, str] = field(default_factory=dict)


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
class Ranking:
    """A table of molecules that the reader sorts, searches, filters, exports and prints.

    A page holds one at most.

    >>> Ranking({"rows": []}, {"Chance": "Of being active."}, "The best 2,000.").caption
    'The best 2,000.'

    Attributes:
        data: What `report.js` reads; plain values, of which text is never taken for markup.
        columns: What the columns mean, by heading.
        caption: Text above it.
    """

    kind: ClassVar[str] = "ranking"
    data: Mapping[str, Any]
    columns: Mapping[str, str]
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
