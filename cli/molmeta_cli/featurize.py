"""`molmeta featurize`: files → an assay store."""

from __future__ import annotations

from typing import Annotated

import typer

from molmeta_cli.console import counter, say
from molmeta_cli.options import (
    AssayColumn,
    Data,
    LabelColumn,
    Output,
    SmilesColumn,
    ValueColumn,
    Workers,
    columns_of,
)


def featurize(
    data: Data,
    output: Output,
    format: Annotated[str, typer.Option("--format", help="The reader, or auto.")] = "auto",
    fingerprints: Annotated[
        bool, typer.Option("--fingerprints", help="Store ECFP counts as well.")
    ] = False,
    workers: Workers = None,
    smiles_column: SmilesColumn = None,
    assay_column: AssayColumn = None,
    label_column: LabelColumn = None,
    value_column: ValueColumn = None,
) -> None:
    """Turn tables of measurements into an assay store (-o), with an audit of every row."""
    from molmeta.assays import featurize_files
    from molmeta.resources import n_cores

    store = featurize_files(
        data,
        output,
        columns=columns_of(smiles_column, assay_column, label_column, value_column),
        format=format,
        workers=workers or n_cores(),
        fingerprints=fingerprints,
        progress=counter("molecules"),
    )
    actions = store.audit["action"].value_counts()
    counts = ", ".join(f"{n:,} {action}" for action, n in actions.items())
    say(f"{output}: {len(store):,} assays, {store.n_molecules:,} molecules; rows: {counts}")
