"""SMILES files (.smi): a SMILES, white space, a name; no header."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from molmeta.assays.columns import SMILES_NAMES
from molmeta.assays.formats.files import text_lines
from molmeta.assays.formats.table import Table, in_chunks
from molmeta.chem.molecule import Molecule, parse

_COLUMNS = ("smiles", "name")
_SUFFIXES = {".smi", ".smiles", ".ism", ".can"}
_N_LOOKED_AT = 20


def recognises(path: Path, head: bytes) -> bool:
    """Whether the name says so, or nearly all first lines, the first too, begin with a SMILES."""
    if _SUFFIXES.intersection(path.suffixes):
        return True
    lines = head.decode("utf-8-sig", errors="replace").splitlines()[: _N_LOOKED_AT + 1]
    words = [line.split(maxsplit=1)[0] for line in lines[:_N_LOOKED_AT] if line.strip()]
    parsed = [isinstance(parse(word), Molecule) for word in words]
    return bool(parsed) and parsed[0] and sum(parsed) >= 0.9 * len(parsed)


def open_table(path: Path, head: bytes) -> Table:
    """The columns are `smiles` and `name`; a header line, if there is one, is passed over."""

    def records() -> Iterator[dict[str, str]]:
        for number, line in enumerate(text_lines(path)):
            smiles, _, name = line.strip().replace("\t", " ").partition(" ")
            if number > 0 or smiles.casefold() not in SMILES_NAMES:
                yield {"smiles": smiles, "name": name.strip()}

    def read(n_rows: int) -> Iterator[pd.DataFrame]:
        return in_chunks(records(), _COLUMNS, n_rows)

    return Table(path, _COLUMNS, read, "smi")
