"""A support table: one assay's rows with all their columns, and the labels they come to."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from molmeta.assays.build import load_assays
from molmeta.assays.columns import Columns, listed
from molmeta.assays.tables import open_table
from molmeta.errors import InputError


@dataclass(frozen=True)
class Support:
    """n rows of one assay.

    Attributes:
        assay_id: The assay.
        rows: All columns of the file, the row number as index.
        smiles: As given, "" where blank, (n,).
        labels: 1 active, 0 inactive, NaN unknown: by label or by value and threshold, (n,).
        kept: Whether the row is fit to learn from: parsed, labelled, one row a molecule, (n,).
        reasons: Why it is not, (n,).
    """

    assay_id: str
    rows: pd.DataFrame
    smiles: list[str]
    labels: NDArray[np.float32]
    kept: NDArray[np.bool_]
    reasons: list[str]


def read_support(
    path: Path | str,
    columns: Columns | None = None,
    *,
    format: str = "auto",
    assay_id: str | None = None,
) -> Support:
    """Read one assay with everything that its rows hold.

    Args:
        path: A file of any kind that a reader knows.
        columns: What the user says about the columns, and how values become labels.
        format: The reader's name, or "auto".
        assay_id: Which assay, if the file has several.

    Raises:
        InputError: If the file cannot be used, or has several assays and none is named.
    """
    store = load_assays(path, columns, format=format)
    if assay_id is None and len(store) > 1:
        raise InputError.of(
            f"support set {path}",
            got=f"{len(store)} assays ({listed(store.assay_ids, 5)})",
            expected="one",
            fix="Name the one to use, or give a file of one.",
        )
    assay = store.assay(0 if assay_id is None else assay_id)
    rows = pd.concat(open_table(path).chunks()).loc[assay.rows]
    audit = store.audit
    audit = audit[audit["assay_id"] == assay.id].set_index("row").loc[assay.rows]
    return Support(
        assay_id=assay.id,
        rows=rows,
        smiles=audit["smiles"].tolist(),
        labels=assay.labels,
        kept=assay.kept,
        reasons=audit["reason"].tolist(),
    )
