"""Several assays side by side: one row a molecule, and the columns of each assay by its name."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pandas as pd

from molmeta.assays.columns import check_names
from molmeta.assays.library import Library
from molmeta.chem.filters import FILTER_COLUMNS
from molmeta.learning.scorer import Scorer
from molmeta.predict.learnt import LearntAssay
from molmeta.predict.table import (
    OUTPUT_COLUMNS,
    POSSIBLE,
    Predictions,
    predict_rows,
    read_library,
    rounded,
)

COMMON = ("status", "reason", "nearest_training")
"""Columns that hold for a molecule in all assays."""

EACH = (*(name for name in OUTPUT_COLUMNS if name not in COMMON), POSSIBLE)
"""Columns of each assay, `p_active_ASSAY` and so on."""


@dataclass(frozen=True)
class SideBySide:
    """Predictions of n rows for k assays.

    Attributes:
        table: The library's rows in its order: its own columns, `COMMON`, those of
            `FILTER_COLUMNS` if asked for, then `EACH` of the first assay, of the second …
        smiles: The molecules as given, (n,).
        assays: What `predict_table` gives for each assay, by name.
    """

    table: pd.DataFrame
    smiles: list[str]
    assays: dict[str, Predictions]


def predict_side_by_side(
    learnt: Sequence[LearntAssay],
    library: Library,
    *,
    error: float | None = None,
    properties: bool = False,
    workers: int = 1,
    progress: Callable[[int], None] | None = None,
) -> SideBySide:
    """Predict a library for several assays of one model; its molecules are read once.

    Args:
        learnt: The assays, of different names.
        library: Molecules to predict.
        error: As of `predict_table`, with what follows it.

    Raises:
        InputError: As `predict_table`.
    """
    rows, smiles = read_library(library)
    added = [f"{column}_{one.name}" for one in learnt for column in EACH]
    added += [*OUTPUT_COLUMNS, POSSIBLE, *(FILTER_COLUMNS if properties else ())]
    check_names(map(str, rows), f"input {library.name}", added)
    first = learnt[0].classifier
    features = first.featurize(smiles, identities=True, workers=workers, progress=progress)
    scorer = Scorer(first.known_.model.learner, features)
    assays = {
        one.name: predict_rows(
            one.classifier,
            rows,
            smiles,
            error=error,
            properties=properties and one is learnt[0],
            measured=one.measured,
            workers=workers,
            scorer=scorer,
        )
        for one in learnt
    }
    tables = {name: rounded(found.table) for name, found in assays.items()}
    common = tables[learnt[0].name]
    shown = [name for name in (*COMMON, *FILTER_COLUMNS) if name in common]
    each = [
        table[[name for name in EACH if name in table]].add_suffix(f"_{assay}")
        for assay, table in tables.items()
    ]
    return SideBySide(pd.concat([rows, common[shown], *each], axis=1), smiles, assays)
