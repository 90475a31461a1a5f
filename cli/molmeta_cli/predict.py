"""`molmeta predict`: a few labelled molecules and a table in, a table with scores out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from molmeta_cli.console import counter, say
from molmeta_cli.options import (
    Device,
    LabelColumn,
    Model,
    Output,
    SmilesColumn,
    Workers,
    columns_of,
)


def predict(
    support: Annotated[
        Path, typer.Option("--support", help="Table of labelled molecules of the new assay.")
    ],
    output: Output,
    input: Annotated[
        Path | None,
        typer.Option(
            "--input",
            help="Table of molecules to predict; without it, the support table's blank labels.",
        ),
    ] = None,
    model: Model = "default",
    show: Annotated[
        int, typer.Option("--show", min=0, help="Print so many of the best molecules.")
    ] = 0,
    device: Device = "auto",
    workers: Workers = None,
    smiles_column: SmilesColumn = None,
    label_column: LabelColumn = None,
) -> None:
    """Predict a new assay from a few labelled molecules: one output row for every input row."""
    from molmeta.meta import load_model
    from molmeta.meta.device import pick_device
    from molmeta.predict import predict_table
    from molmeta.predict.files import check_ending, write_table
    from molmeta.resources import n_cores

    check_ending(output)
    predictions = predict_table(
        load_model(model, pick_device(device)),
        support,
        input,
        columns_of(smiles_column, None, label_column),
        workers=workers or n_cores(),
        progress=counter("molecules"),
    )
    write_table(predictions, output)
    if show:
        best = predictions.sort_values("score", ascending=False).head(show)
        say(
            best.drop(columns=["status", "reason", "score"]).to_string(index=False, max_colwidth=40)
        )
    n_rejected = int((predictions["status"] == "rejected").sum())
    say(f"{output}: {len(predictions):,} rows, {n_rejected:,} rejected")
