"""MoleculeNet's tables (https://moleculenet.org) whose columns do not speak for themselves.

Tox21, SIDER, MUV and ToxCast are plain wide tables: the plain reader takes them.
"""

from dataclasses import replace

from molmeta.assays.columns import Columns, listed
from molmeta.assays.formats.table import Table
from molmeta.assays.library import find_smiles
from molmeta.assays.readers import plain
from molmeta.assays.readers.reading import Reading

THRESHOLD: str | None = None

# The columns that tell a table, its SMILES column and its assays.
_KNOWN: dict[frozenset[str], tuple[str, tuple[str, ...]]] = {
    frozenset({"mol", "CID", "Class", "Model", "pIC50"}): ("mol", ("Class",)),
    frozenset({"num", "name", "p_np", "smiles"}): ("smiles", ("p_np",)),
    frozenset({"smiles", "FDA_APPROVED", "CT_TOX"}): ("smiles", ("FDA_APPROVED", "CT_TOX")),
    frozenset({"smiles", "activity", "HIV_active"}): ("smiles", ("HIV_active",)),
}


def recognises(table: Table) -> bool:
    """Tell whether the table is one of BACE, BBBP, ClinTox and HIV."""
    return any(key <= set(table.columns) for key in _KNOWN)


def read(table: Table, columns: Columns) -> Reading:
    """Measurements of the table's assays; where the user names columns, as of any other table."""
    found = next((known for key, known in _KNOWN.items() if key <= set(table.columns)), None)
    others_named = replace(columns, smiles_column=None).named
    if found is None or columns.threshold is not None or others_named:
        return plain.read(table, columns)
    smiles, assays = found
    if columns.smiles_column is not None:
        smiles = find_smiles(table, columns.smiles_column)
    for name in (smiles, *assays):
        table.only(name, "")
    others = [name for name in table.columns if name not in (smiles, *assays)]
    return plain.read_wide(
        table, smiles, assays, [f"columns not taken, as in MoleculeNet: {listed(others)}"]
    )
