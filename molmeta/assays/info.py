"""Tables of facts about assays, such as the target and its class."""

from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from molmeta.errors import InputError


def read_assay_info(file: Path, columns: Iterable[str]) -> pd.DataFrame:
    """Read columns of a CSV table, one row an assay, as text by assay id; blanks are "".

    >>> table = pd.DataFrame({"assay_id": ["first"], "target_class": ["kinase"]})
    >>> table.to_csv("info.csv", index=False)
    >>> read_assay_info(Path("info.csv"), ["target_class"]).loc["first"].tolist()
    ['kinase']

    Args:
        file: Has the column `assay_id` too.
        columns: Those that are wanted.

    Raises:
        InputError: If the file cannot be read, lacks a column or names an assay twice.
    """
    what, needed = f"assay information {file}", ["assay_id", *columns]
    try:
        table = pd.read_csv(file, dtype=str, keep_default_na=False, index_col=False)
    except (OSError, ValueError) as error:
        raise InputError.of(
            what,
            got=f"a file that cannot be read ({error})",
            expected=f"a CSV table with the columns {', '.join(needed)}",
        ) from None
    lacking = [name for name in needed if name not in table]
    if lacking:
        got = f"the columns {', '.join(table.columns)}"
        raise InputError.of(what, got=got, expected=f"also {', '.join(lacking)}")
    for name in needed:
        table[name] = table[name].str.strip()
    twice = table["assay_id"][table["assay_id"].duplicated()]
    if len(twice):
        got = f"{twice.iloc[0]!r} more than once"
        raise InputError.of(what, got=got, expected="one row an assay")
    return table.set_index("assay_id")[needed[1:]]
