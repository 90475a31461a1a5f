"""Support tables: one assay's rows with all their columns, and their labels."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from molmeta.assays.audit import summarize
from molmeta.assays.build import check_files, load_assays
from molmeta.assays.columns import Columns, listed
from molmeta.assays.curation import NO_LABEL
from molmeta.assays.measurement import UNTESTED, as_text
from molmeta.assays.naming import name_column
from molmeta.assays.part import LEFT_OUT
from molmeta.assays.readers.reading import SeveralValues
from molmeta.assays.store import AssayStore
from molmeta.assays.store_folder import is_store
from molmeta.assays.tables import open_table
from molmeta.chem.standardize import STANDARD, Standardizer
from molmeta.errors import InputError

MOST_ASSAYS = 20
"""Assays of one table that are set side by side."""

WAITING, OF_OTHERS = "waiting for a prediction", "of other assays"


@dataclass(frozen=True)
class Support:
    """n rows of one assay.

    >>> from molmeta.assays import read_support
    >>> table = pd.DataFrame({"smiles": ["CCO", "CCN", "CCC"], "active": [1, 0, None]})
    >>> table.to_csv("support.csv", index=False)
    >>> support = read_support("support.csv")
    >>> support.labels.tolist(), support.blank.tolist()
    ([1.0, 0.0, nan], [False, False, True])

    Attributes:
        assay_id: The assay.
        rows: All columns of the file, the row number as index.
        smiles: As given, "" where blank, (n,).
        labels: 1 active, 0 inactive, NaN unknown: by label or by value and threshold, (n,).
        values: Exact measured values, as pXC50 or %, NaN where there is none, (n,).
        bounds: On the same scale, what a value is known to lie above or below, (n,); NaN elsewhere.
        kept: Whether the row is fit to learn from: parsed, labelled, one row a molecule, (n,).
        blank: Whether the row has neither label nor value, as one that waits for a prediction,
            (n,).
        actions: kept, merged or dropped, (n,).
        reasons: The reason where it is not kept, (n,).
        notes: How the file was read: columns, units, which values are active.
        n_elsewhere: Rows that were read and belong to other assays.
    """

    assay_id: str
    rows: pd.DataFrame
    smiles: list[str]
    labels: NDArray[np.float32]
    values: NDArray[np.float32]
    bounds: NDArray[np.float32]
    kept: NDArray[np.bool_]
    blank: NDArray[np.bool_]
    actions: list[str]
    reasons: list[str]
    notes: list[str] = field(default_factory=list)
    n_elsewhere: int = 0

    def count(self) -> int:
        """Count the rows that wait for a prediction."""
        return int(self.blank.sum())

    @property
    def measured(self) -> dict[str, float]:
        """Give the value of each molecule that is measured, as given.

        NaN where it has none, or is not fit to learn from: nobody knows which of two values that
        contradict each other holds.
        """
        values = np.where(self.kept, self.values, np.nan).tolist()
        order = np.argsort(self.kept, kind="stable")  # of repeats the one that is kept counts
        rows = [i for i in order.tolist() if self.smiles[i] and not self.blank[i]]
        return {self.smiles[i]: values[i] for i in rows}

    def kept_names(self) -> list[str]:
        """Name the molecules that are fit to learn from; "" where no column does."""
        column = name_column(self.rows, self.smiles)
        names = [""] * len(self.smiles) if column is None else as_text(self.rows[column]).tolist()
        return [name for name, kept in zip(names, self.kept, strict=True) if kept]

    def summary(self) -> pd.DataFrame:
        """Count the rows that were kept, merged, dropped …: action, reason, n_rows."""
        audit = pd.DataFrame({"action": self.actions, "reason": self.reasons})
        audit.loc[self.blank, "action"] = WAITING
        elsewhere = pd.DataFrame({"action": OF_OTHERS, "reason": ""}, range(self.n_elsewhere))
        return summarize(pd.concat([audit, elsewhere], ignore_index=True))


def read_support(
    path: Path | str,
    columns: Columns | None = None,
    *,
    format: str = "auto",
    assay_id: str | None = None,
    standardize: Standardizer | None = STANDARD,
) -> Support:
    """Read one assay with everything that its rows hold.

    >>> table = pd.DataFrame({"smiles": ["CCO", "CCN", "C("], "active": [1, 0, 1]})
    >>> table.to_csv("support.csv", index=False)
    >>> support = read_support("support.csv")
    >>> support.kept.tolist(), support.reasons
    ([True, True, False], ['', '', 'SMILES syntax error around position 2'])

    Args:
        path: A file of any kind that a reader knows, or a store.
        columns: The user's choice of columns, and how values become labels. Where nothing is a
            label and no threshold is given, the notes say which one was taken
            (`Columns.of_support`).
        format: The reader's name, or "auto".
        assay_id: Which assay, if there are several; of a wide table, its column.
        standardize: Tells repeats of one molecule: as for `build_store`.

    Raises:
        InputError: If the file cannot be used, or has several assays and none is named.
    """
    columns = columns or Columns()
    in_file = not is_store(path)
    if in_file and assay_id is not None and assay_id in open_table(path, columns.sheet).columns:
        columns, assay_id = replace(columns, label_column=assay_id), None
    store = load_assays(path, columns.of_support(), format=format, standardize=standardize)
    if assay_id is None and len(store) > 1:
        raise InputError.of(
            f"support set {path}",
            got=f"{len(store)} assays ({listed(store.assay_ids, 5)})",
            expected="one",
            fix="Name the one to use with --assay.",
        )
    return _support(store, store.assay_ids[0] if assay_id is None else assay_id, path, columns)


def read_supports(
    path: Path | str,
    columns: Columns | None = None,
    *,
    format: str = "auto",
    standardize: Standardizer | None = STANDARD,
) -> list[Support]:
    """Read all assays of a table: each column of values, each column of labels, or each name.

    >>> table = pd.DataFrame({"smiles": ["CCO", "CCN", "CCC"], "EGFR IC50 (nM)": [12, 5000, 90]})
    >>> table.assign(**{"HER2 pIC50": [5, 8, 4]}).to_csv("panel.csv", index=False)
    >>> [support.assay_id for support in read_supports("panel.csv")]
    ['EGFR IC50 (nM)', 'HER2 pIC50']

    Args:
        path: As of `read_support`, with `columns`, `format` and `standardize`. Each column of
            values has a unit and, where none is given, a threshold of its own.

    Raises:
        InputError: If the file cannot be used.
    """
    how: dict[str, Any] = {"format": format, "standardize": standardize}
    columns = columns or Columns()
    if names := value_columns(path, columns, format):
        each = [(name, replace(columns, value_column=name)) for name in names]
        return [replace(read_support(path, own, **how), assay_id=name) for name, own in each]
    store = load_assays(path, columns.of_support(), **how)
    ids = store.assay_ids
    if len(ids) > MOST_ASSAYS:
        raise InputError.of(
            f"support set {path}",
            got=f"{len(ids)} assays ({listed(ids, 5)})",
            expected=f"{MOST_ASSAYS} at most",
            fix="Name the one to use with --assay, or take them all with molmeta screen.",
        )
    return [_support(store, one, path, columns) for one in ids]


def _support(store: AssayStore, assay_id: str, path: Path | str, columns: Columns) -> Support:
    """Give an assay of a store that was made of a file."""
    assay = store.assay(assay_id)
    audit, at = _rows_of(store, assay.id)
    labels = _at(assay.labels, at, np.float32(np.nan))
    has_value = ~np.isnan(_at(assay.values, at, np.float32(np.nan)))
    readable = _at(assay.molecules, at, np.int64(-1)) >= 0
    waits = audit["reason"].isin([NO_LABEL, UNTESTED]).to_numpy() | ~readable
    rows = audit[["file", "row", "smiles"]]
    if not is_store(path):
        rows = pd.concat(open_table(path, columns.sheet).chunks()).loc[audit["row"]]
    return Support(
        assay_id=assay.id,
        rows=rows,
        smiles=audit["smiles"].tolist(),
        labels=labels,
        values=_at(assay.exact_values, at, np.float32(np.nan)),
        bounds=_at(assay.bounds, at, np.float32(np.nan)),
        kept=_at(assay.kept, at, np.False_),
        blank=np.isnan(labels) & ~has_value & waits,
        actions=audit["action"].tolist(),
        reasons=audit["reason"].tolist(),
        notes=store.notes,
        n_elsewhere=len(store.audit) - len(audit),
    )


def value_columns(path: Path | str, columns: Columns, format: str = "auto") -> tuple[str, ...]:
    """Find the columns of values of a table that has several; else there is none.

    Raises:
        InputError: If one of them cannot be read.
    """
    if not Path(path).is_file():
        return ()
    try:
        check_files([path], columns.of_support(), format)
    except SeveralValues as error:
        for name in error.names:
            check_files([path], replace(columns, value_column=name).of_support(), format)
        return error.names
    return ()


def _rows_of(store: AssayStore, assay_id: str) -> tuple[pd.DataFrame, NDArray[np.int64]]:
    """Find an assay's n rows of the audit, and the assay's row of each, −1 for none, (n,).

    The rows of a wide table that are blank in its only assay are none of the assay's, but belong.
    """
    audit = store.audit
    measured = ((audit["assay_id"] == assay_id) & (audit["reason"] != LEFT_OUT)).to_numpy()
    untested = (audit["reason"] == UNTESTED).to_numpy() & (len(store) == 1)
    chosen = np.flatnonzero(measured | untested)
    at: NDArray[np.int64] = np.where(measured, np.cumsum(measured) - 1, -1)[chosen]
    return audit.iloc[chosen], at


def _at(array: NDArray[Any], at: NDArray[np.int64], other: np.generic) -> NDArray[Any]:
    """Take `array[at]`, `other` where `at` is −1."""
    return np.where(at < 0, other, array[at])
