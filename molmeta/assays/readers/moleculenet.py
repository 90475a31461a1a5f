"""MoleculeNet's tables (https://moleculenet.org) whose columns do not speak for themselves.

Tox21, SIDER, MUV and ToxCast are plain wide tables: the plain reader takes them.
"""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from molmeta.assays.columns import Columns
from molmeta.assays.formats.table import Table
from molmeta.assays.readers import plain

THRESHOLD: str | None = None

# The columns that tell a table, its SMILES column and its assays.
_KNOWN: dict[frozenset[str], tuple[str, tuple[str, ...]]] = {
    frozenset({"mol", "CID", "Class", "Model", "pIC50"}): ("mol", ("Class",)),
    frozenset({"num", "name", "p_np", "smiles"}): ("smiles", ("p_np",)),
    frozenset({"smiles", "FDA_APPROVED", "CT_TOX"}): ("smiles", ("FDA_APPROVED", "CT_TOX")),
    frozenset({"smiles", "activity", "HIV_active"}): ("smiles", ("HIV_active",)),
}


def recognises(table: Table) -> bool:
    """Whether the table is one of BACE, BBBP, ClinTox and HIV."""
    return any(key <= set(table.columns) for key in _KNOWN)


def read(table: Table, columns: Columns) -> Iterator[pd.DataFrame]:
    """Measurements of the table's assays."""
    found = next((known for key, known in _KNOWN.items() if key <= set(table.columns)), None)
    if found is None or columns.label_column or columns.threshold is not None:
        return plain.read(table, columns)
    smiles, assays = found
    return plain.read_wide(table, columns.smiles_column or smiles, list(assays))
