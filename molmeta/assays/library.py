"""Libraries: tables of molecules whose other columns are only carried along."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from molmeta.assays.columns import SMILES_NAMES, find_column, listed
from molmeta.assays.formats.table import Table
from molmeta.assays.measurement import as_text
from molmeta.assays.store import is_store
from molmeta.assays.tables import open_table
from molmeta.chem.molecule import Molecule, parse
from molmeta.errors import InputError

N_LOOKED_AT = 2_000
_N_SAMPLED = 200


@dataclass(frozen=True)
class Library:
    """A file's molecules.

    Attributes:
        table: All its columns.
        smiles_column: The one that holds the SMILES.
    """

    table: Table
    smiles_column: str

    def chunks(self) -> Iterator[pd.DataFrame]:
        """All rows with all columns, in frames of bounded size, the row number as index."""
        return self.table.chunks()


def open_library(path: Path | str, smiles_column: str | None = None) -> Library:
    """Open a file of molecules of any kind that `open_table` knows, or a store's molecules.

    Raises:
        InputError: If it cannot be read, or no column holds SMILES.
    """
    table = open_table(Path(path) / "molecules.parquet" if is_store(path) else path)
    return Library(table, find_smiles(table, smiles_column))


def find_smiles(table: Table, wanted: str | None = None) -> str:
    """The column that holds the SMILES: as told, by a known name, else by a look at the cells.

    The last is the first column of whose first distinct cells nine in ten parse.

    Raises:
        InputError: If there is none.
    """
    source = str(table.path)
    known = find_column(table.columns, wanted, SMILES_NAMES, flag="--smiles-column", source=source)
    if known is not None:
        return known
    rows = table.first_rows(N_LOOKED_AT)
    for name in table.columns:
        cells = as_text(rows[name])
        distinct = cells[cells != ""].unique()[:_N_SAMPLED]
        # Codes such as "B" and "F" parse as atoms, but hardly a whole column is that short.
        if max(map(len, distinct), default=0) < 3:
            continue
        n_parsed = sum(isinstance(parse(cell), Molecule) for cell in distinct)
        if n_parsed >= 0.9 * len(distinct):
            return name
    raise InputError.of(
        source,
        got=f"no column of SMILES among {listed(table.columns)}",
        expected="a column named 'smiles', or one whose cells are SMILES",
        fix="Name it with --smiles-column.",
    )
