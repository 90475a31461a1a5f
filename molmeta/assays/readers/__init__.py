"""Readers: tables → measurements, one file a known kind of export, recognised by its columns."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from molmeta.assays.columns import DEFAULT, Columns
from molmeta.assays.formats.table import Table
from molmeta.assays.readers import chembl, fsmol, moleculenet, plain, pubchem
from molmeta.assays.readers.reading import NoLabels, Reading
from molmeta.assays.tables import open_table
from molmeta.errors import InputError


class Reader(Protocol):
    """The functions that a reader module offers."""

    # How values become labels where the user does not say; None where labels are given.
    THRESHOLD: str | None

    def recognises(self, table: Table) -> bool:
        """Tell whether the table is of this reader's kind."""

    def read(self, table: Table, columns: Columns) -> Reading:
        """Its rows as frames of measurements, and what was taken for what."""


READERS: dict[str, Reader] = {
    "fsmol": fsmol,
    "chembl": chembl,
    "pubchem": pubchem,
    "moleculenet": moleculenet,
    "plain": plain,
}


@dataclass(frozen=True)
class Source:
    """A file and the reader for it."""

    table: Table
    reader: Reader

    def read(self, columns: Columns) -> Reading:
        """Its measurements in frames of bounded size, each row's `file` filled in."""
        reading = self._read(columns)
        frames = (frame.assign(file=self.table.path.name) for frame in reading.frames)
        return Reading((*self.table.notes, *reading.notes), frames)

    def _read(self, columns: Columns) -> Reading:
        """Take values where the threshold is the default one only if there are no labels."""
        if columns.threshold == DEFAULT:
            try:
                return self.reader.read(self.table, replace(columns, threshold=None))
            except NoLabels:
                pass
        return self.reader.read(self.table, columns)


def open_source(path: Path | str, format: str = "auto", sheet: str | None = None) -> Source:
    """Open a file and find the reader for it.

    Args:
        path: The file.
        format: A reader's name, or "auto" to recognise it.
        sheet: As of `open_table`.

    Raises:
        InputError: If the file cannot be read, or there is no such reader.
    """
    if format != "auto" and format not in READERS:
        raise InputError.of(
            "--format", got=repr(format), expected=f"auto or one of {', '.join(READERS)}"
        )
    table = open_table(path, sheet)
    for name, reader in READERS.items():
        if name == format or (format == "auto" and reader.recognises(table)):
            return Source(table, reader)
    raise AssertionError("the plain reader takes any table")
