"""Writing results as the file's name says: CSV, TSV, Parquet, XLSX or SDF, whole or not at all."""

import csv
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, TextIO

import pandas as pd
from rdkit import Chem, rdBase
from rdkit.Chem.rdDepictor import Compute2DCoords

from molmeta.assays.formats.sdf import value_lines
from molmeta.assays.formats.table import Names
from molmeta.chem.repair import respell
from molmeta.errors import InputError
from molmeta.predict.workbook import write_workbook
from molmeta.resources import write_atomically, writing

_TEXT = {".csv": ",", ".tsv": "\t"}


def check_ending(path: Path, *also: str) -> None:
    """Refuse a name that says no known format, before any work is done for it.

    Raises:
        InputError: If the ending is none of .csv, .tsv (also with .gz), .parquet or those `also`
            known, or standard output is closed.
    """
    if str(path) == "-" and sys.stdout is None:
        raise InputError.of("output -", got="a closed standard output", expected="an open one")
    known = [".csv", ".tsv", ".parquet", *also]
    if str(path) != "-" and _ending(path) not in known:
        raise InputError.of(
            f"output {path}", got=f"the ending {path.suffix!r}", expected=" or ".join(known)
        )


def check_structures(path: Path) -> None:
    """Refuse drawings in a file that has no place for them.

    Raises:
        InputError: If the name is not that of a workbook.
    """
    if _ending(path) != ".xlsx":
        raise InputError.of(
            "--structures", got=f"the output {path}", expected="a workbook, such as -o ranked.xlsx"
        )


def write_table(
    table: pd.DataFrame,
    path: Path,
    smiles: Sequence[str] | None = None,
    *,
    structures: bool = False,
) -> None:
    """Write a table to `path`; `-` is CSV on standard output.

    Args:
        table: n rows.
        path: Where to.
        smiles: Their molecules, n of them, which .sdf needs: there each row is a record, its
            molecule drawn anew, without atoms where it does not parse; the columns are properties,
            one named `name` the title.
        structures: Whether to draw the first of these molecules in a workbook.

    Raises:
        InputError: If the name's ending is not known.
    """
    check_ending(path, ".xlsx", *([] if smiles is None else [".sdf"]))
    if str(path) == "-":
        with writing(path):
            write_text(table, sys.stdout)
            sys.stdout.flush()
        return
    with write_atomically(path) as temporary:
        if smiles is not None and _ending(path) == ".sdf":
            _write_sdf(table, smiles, temporary)
        elif _ending(path) == ".xlsx":
            write_workbook(table, temporary, (smiles or ()) if structures else ())
        elif _ending(path) == ".parquet":
            table.to_parquet(temporary, index=False)
        else:
            write_text(table, temporary, separator_of(path))


def write_text(
    table: pd.DataFrame, file: Path | TextIO, separator: str = ",", *, header: bool = True
) -> None:
    """Write a table as delimited text.

    A carriage return within a cell ends no row: Python's `csv` before 3.13 does not quote it.
    """
    texts = (table[name] for name in table if not pd.api.types.is_numeric_dtype(table[name]))
    cells = (table.columns.to_series(), *texts)
    returns = any(column.astype(str).str.contains("\r", regex=False).any() for column in cells)
    quoting: Literal[0, 2] = csv.QUOTE_NONNUMERIC if returns else csv.QUOTE_MINIMAL
    table.to_csv(file, index=False, sep=separator, header=header, quoting=quoting)


def separator_of(path: Path) -> str:
    """Find the separator of a text file by its name; `-` is CSV."""
    return _TEXT.get(_ending(path), ",")


def _ending(path: Path) -> str:
    """The format's ending; of text, compressed or not."""
    inner = path.with_suffix("").suffix
    return inner if path.suffix == ".gz" and inner in _TEXT else path.suffix


def _write_sdf(table: pd.DataFrame, smiles: Sequence[str], path: Path) -> None:
    columns = [str(name) for name in table.columns]
    title = next((i for i, name in enumerate(columns) if name.casefold() == "name"), None)
    # A ">" behind which nothing stands ends a property's name; "<" begins it.
    keys = Names.of(re.sub(r"[<\s]+", " ", name).strip() or "_" for name in columns).columns
    with path.open("w", encoding="utf-8", newline="\n") as file, rdBase.BlockLogs():
        for row, text in zip(table.itertuples(index=False, name=None), smiles, strict=True):
            cells = ["" if pd.isna(value) else str(value) for value in row]
            name = "" if title is None else " ".join(value_lines(cells[title]))
            _, _, structure = _block(text).partition("\n")
            file.write(f"{name}\n{structure}")
            for i, key in enumerate(keys):
                if i != title:
                    file.write("\n".join([f">  <{key}>", *value_lines(cells[i]), "", ""]))
            file.write("$$$$\n")


def _block(smiles: str) -> str:
    mol = Chem.MolFromSmiles(respell(smiles)) or Chem.Mol()
    Compute2DCoords(mol)
    return str(Chem.MolToMolBlock(mol))
