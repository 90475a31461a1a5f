"""Names of molecules: which column of a table holds them."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import pandas as pd

_CALLED = ("name", "id", "title", "molecule", "compound")
_STRUCTURES = ("smiles", "inchi", "structure")
_LOOKED_AT = 50  # rows


def name_column(
    table: pd.DataFrame, smiles: Sequence[str], added: Collection[str] = ()
) -> str | None:
    """Find the column that names molecules: one called so, else a text that differs.

    >>> table = pd.DataFrame({"smiles": ["CCO"], "IC50": ["40"], "Name": ["ethanol"]})
    >>> name_column(table, ["CCO"]), name_column(table[["smiles", "IC50"]], ["CCO"])
    ('Name', None)

    Args:
        table: n rows.
        smiles: Their molecules, (n,).
        added: Columns that are not the user's own.
    """
    head, structures = table.head(_LOOKED_AT), [*smiles[:_LOOKED_AT]]
    own = {str(name): head[name].astype(str) for name in head if name not in added}
    own = {name: cells for name, cells in own.items() if any(cells) and [*cells] != structures}
    called = [name for name in own if name.casefold() in _CALLED]
    telling = [name for name, cells in own.items() if _tells_apart(name, cells)]
    return next(iter([*called, *telling]), None)


def _tells_apart(name: str, cells: pd.Series[str]) -> bool:
    """Tell whether most cells are words, and differ."""
    words = cells[pd.to_numeric(cells, errors="coerce").isna() & (cells.str.strip() != "")]
    enough = words.nunique() * 2 > len(cells)
    return enough and not any(word in name.casefold() for word in _STRUCTURES)
