"""Tables: files of any known format, opened by `open_table`."""

from pathlib import Path
from typing import Protocol

from molmeta.assays.formats import delimited, jsonl, parquet, sdf, smi, workbook
from molmeta.assays.formats.files import read_head
from molmeta.assays.formats.spool import shown
from molmeta.assays.formats.table import Table
from molmeta.assays.formats.text import Head
from molmeta.errors import InputError


class Format(Protocol):
    """The functions of a format's module."""

    def recognises(self, head: Head) -> bool:
        """Return whether a file that begins so is of this format."""

    def open_table(self, head: Head) -> Table:
        """Open the file as a table."""


_FORMATS: tuple[Format, ...] = (parquet, workbook, sdf, jsonl, smi, delimited)


def open_table(path: Path | str, sheet: str | None = None) -> Table:
    """Open a file as a table; its format is recognised from its content, hardly its name.

    >>> _ = Path("drugs.csv").write_text("name;smiles\\nethanol;CCO\\n")
    >>> open_table("drugs.csv").columns
    ('name', 'smiles')

    Args:
        path: The file; `-` is standard input, which is read once, as pipes are.
        sheet: Which sheet of a workbook; None: the first one.

    Raises:
        InputError: If there is no such file, or it is empty, truncated or not a table; or if a
            sheet is named that it has not.
    """
    path = shown(Path(path))
    head = Head(path, read_head(path))
    if sheet is None:
        return next(f for f in _FORMATS if f.recognises(head)).open_table(head)
    if not workbook.recognises(head):
        raise InputError.of(
            f"sheet of {path}",
            got=f"{sheet!r}, and a file without sheets",
            expected="a workbook (xlsx, xlsb, xls, ods), or no sheet's name",
        )
    return workbook.open_table(head, sheet)
