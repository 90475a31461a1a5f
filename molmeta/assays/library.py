"""Libraries: tables of molecules whose other columns are only carried along."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from molmeta.assays.columns import SMILES_NAMES, find_column, listed
from molmeta.assays.folders import expand
from molmeta.assays.formats.table import CHUNK_CELLS, Table
from molmeta.assays.measurement import as_text
from molmeta.assays.store_folder import is_store
from molmeta.assays.tables import open_table
from molmeta.chem.molecule import notation_of, parses
from molmeta.errors import InputError

N_LOOKED_AT = 2_000
_N_SAMPLED = 200


@dataclass(frozen=True)
class Library:
    """The molecules of files of the same columns.

    >>> from molmeta.assays import open_library
    >>> table = pd.DataFrame({"id": [1, 2], "structure": ["CCO", "CCN"]})
    >>> table.to_csv("drugs.csv", index=False)
    >>> library = open_library("drugs.csv")
    >>> library.name, library.smiles_column, library.count()
    ('drugs.csv', 'structure', 2)

    Attributes:
        tables: All their columns.
        smiles_column: The one that holds the SMILES.
        sheet: The sheet that was asked for.
    """

    tables: tuple[Table, ...]
    smiles_column: str
    sheet: str | None = None

    @property
    def name(self) -> str:
        """Name the library, for messages."""
        more = f" and {len(self.tables) - 1} more" if len(self.tables) > 1 else ""
        return f"{self.tables[0].path}{more}"

    def count(self) -> int:
        """Count the rows; it reads all files."""
        return sum(map(len, self.chunks()))

    def chunks(self, most: int = CHUNK_CELLS) -> Iterator[pd.DataFrame]:
        """Read all rows in frames of at most so many, the row number as index.

        Of several files, the column `file` names each row's.
        """
        for table in self.tables:
            for chunk in table.chunks(most):
                yield chunk.assign(file=table.path.name) if len(self.tables) > 1 else chunk


def open_library(
    paths: Path | str | Iterable[Path | str],
    smiles_column: str | None = None,
    sheet: str | None = None,
) -> Library:
    """Open molecules: files of any kind that `open_table` knows, folders of them, or a store.

    >>> table = pd.DataFrame({"id": [1, 2], "structure": ["CCO", "CCN"]})
    >>> table.to_csv("drugs.csv", index=False)
    >>> open_library("drugs.csv").smiles_column
    'structure'

    Args:
        paths: Where they are.
        smiles_column: Holds the molecules; None: it is found.
        sheet: Which sheet, if they are workbooks; None: the first one.

    Raises:
        InputError: If one cannot be read, no column holds SMILES, or files differ in columns.
    """
    if isinstance(paths, Path | str):
        paths = [paths]
    files = [
        file
        for path in map(Path, paths)
        for file in ([path / "molecules.parquet"] if is_store(path) else expand([path]))
    ]
    tables = tuple(open_table(file, sheet) for file in files)
    first, other = tables[0], next((t for t in tables if t.columns != tables[0].columns), None)
    if other is not None:
        raise InputError.of(
            f"columns of {other.path}",
            got=listed(other.columns),
            expected=f"{listed(first.columns)}, as in {first.path}",
            fix="Use files of one kind at a time.",
        )
    return Library(tables, find_smiles(first, smiles_column), sheet)


def find_smiles(table: Table, wanted: str | None = None) -> str:
    """Find the column of SMILES: the user's, one of a known name, else one by its cells.

    The last is the first column of whose first distinct cells nine in ten parse.

    >>> table = pd.DataFrame({"code": ["X1", "X2"], "what": ["CCO", "c1ccccc1"]})
    >>> table.to_csv("drugs.csv", index=False)
    >>> find_smiles(open_table("drugs.csv"))
    'what'

    Raises:
        InputError: If there is none, several columns have its name, or it holds InChI or the like.
    """
    source = str(table.path)
    known = find_column(table.columns, wanted, SMILES_NAMES, flag="--smiles-column", source=source)
    rows = table.first_rows(N_LOOKED_AT if known is None else _N_SAMPLED)
    others: dict[str, str] = {}
    for name in table.columns if known is None else [known]:
        cells = as_text(rows[name])
        distinct = cells[cells != ""].unique()[:_N_SAMPLED].tolist()
        if notation := _other_notation(distinct):
            others[name] = notation
        elif name == known or _are_smiles(distinct):
            return table.only(name, "--smiles-column")
    if others:
        name, notation = next(iter(others.items()))
        raise InputError.of(
            f"column {name!r} of {source}",
            got=notation,
            expected="SMILES",
            fix="Write the molecules as SMILES in a column named 'smiles'.",
        )
    raise InputError.of(
        source,
        got=f"no column of SMILES among {listed(table.columns)}",
        expected="a column named 'smiles', or one whose cells are SMILES",
        fix="Name it with --smiles-column.",
    )


def _are_smiles(cells: Sequence[str]) -> bool:
    """Return whether nine in ten parse, and not all are as short as codes such as "B" and "F"."""
    if max(map(len, cells), default=0) < 3:
        return False
    return sum(map(parses, cells)) >= 0.9 * len(cells)


def _other_notation(cells: Sequence[str]) -> str | None:
    """Name InChI, InChIKey or SELFIES, if nine in ten cells are written so."""
    counts = Counter(filter(None, map(notation_of, cells)))
    notation, n = next(iter(counts.most_common(1)), ("", 0))
    return notation if n and n >= 0.9 * len(cells) else None
