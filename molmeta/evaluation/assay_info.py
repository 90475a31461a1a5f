"""What is known of assays beside their measurements: the target's class."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from molmeta.errors import InputError

_COLUMNS = ("assay_id", "target_class")


def read_target_classes(file: Path) -> dict[str, str]:
    """Assay id → target class, from a CSV table with these two columns; blank is no class.

    Raises:
        InputError: If the file cannot be read or lacks a column.
    """
    try:
        table = pd.read_csv(file, dtype=str, keep_default_na=False)
    except (OSError, ValueError) as error:
        raise InputError.of(
            f"assay information {file}",
            got=f"a file that cannot be read ({error})",
            expected=f"a CSV table with the columns {' and '.join(_COLUMNS)}",
        ) from None
    lacking = [name for name in _COLUMNS if name not in table]
    if lacking:
        raise InputError.of(
            f"assay information {file}",
            got=f"the columns {', '.join(table.columns)}",
            expected=f"also {' and '.join(lacking)}",
        )
    known = table[table["target_class"].str.strip() != ""]
    return dict(zip(known["assay_id"], known["target_class"].str.strip(), strict=True))
