"""Self-contained HTML pages: text, tables, plots and molecules in one file, without network."""

from molmeta.reporting.blocks import Facts, Figure, Molecules, Note, Ranking, Section, Table, Text
from molmeta.reporting.page import render_page, write_page

__all__ = [
    "Facts",
    "Figure",
    "Molecules",
    "Note",
    "Ranking",
    "Section",
    "Table",
    "Text",
    "render_page",
    "write_page",
]
