"""The best molecules of a screening as a table: each with all that `predict` says of a molecule."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from molmeta.assays.columns import check_names
from molmeta.assays.library import Library
from molmeta.chem.filters import FILTER_COLUMNS
from molmeta.predict.learnt import LearntAssay
from molmeta.predict.library.screen import TOP_COLUMNS
from molmeta.predict.table import OUTPUT_COLUMNS, predict_rows


def check_library(library: Library, *, properties: bool = False) -> None:
    """Refuse a library whose hits could not be told, before it is screened.

    >>> from molmeta.assays import open_library
    >>> pd.DataFrame({"smiles": ["CCO"], "rank": [1]}).to_csv("mine.csv", index=False)
    >>> check_library(open_library("mine.csv"))
    Traceback (most recent call last):
    ...
    molmeta.errors.InputError: input mine.csv; got the columns 'rank', which molmeta adds; ...

    Raises:
        InputError: If columns have names that prediction adds.
    """
    added = [*TOP_COLUMNS, *OUTPUT_COLUMNS, *(FILTER_COLUMNS if properties else ())]
    check_names(library.tables[0].columns, f"input {library.name}", added)


def tell_hits(
    learnt: Sequence[LearntAssay],
    best: Path,
    smiles_column: str,
    *,
    properties: bool = False,
    workers: int = 1,
) -> tuple[pd.DataFrame, list[str]]:
    """Predict the best molecules of a screening anew, with all columns of `predict`.

    Args:
        learnt: The assays.
        best: The file that `screen` wrote with `top`.
        smiles_column: Its column of molecules, as in the library.
        properties: As of `predict_table`, with `workers`.

    Returns:
        A row for each hit of each assay, the best first: `assay`, the library's own columns, then
            those of `predict`; and their SMILES.
    """
    table = pd.read_csv(best, dtype=str, keep_default_na=False)
    found, smiles = [], []
    for one in learnt:
        rows = table[table["assay"] == one.name]
        predictions = predict_rows(
            one.classifier,
            rows.drop(columns=["p_active", "score"]),
            rows[smiles_column].tolist(),
            properties=properties,
            measured=one.measured,
            workers=workers,
        ).ranked()
        found.append(predictions.rounded().table)
        smiles += predictions.smiles
    return pd.concat(found, ignore_index=True), smiles
