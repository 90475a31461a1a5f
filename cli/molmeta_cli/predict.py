"""`molmeta predict`: a few labelled molecules and a table in, a table with scores out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from molmeta_cli.console import counter, say
from molmeta_cli.options import Device, Format, Model, Output, Workers, with_columns

if TYPE_CHECKING:
    from molmeta.assays import Columns, Support


@with_columns
def predict(
    support: Annotated[
        Path,
        typer.Option("--support", help="Molecules of the new assay with labels or values."),
    ],
    output: Output,
    columns: Columns,
    input: Annotated[
        list[Path] | None,
        typer.Option(
            "--input",
            help="Molecules to predict: a file, folder or store, may be repeated; without it, the "
            "support table's blank labels.",
        ),
    ] = None,
    model: Model = "default",
    assay: Annotated[
        str | None,
        typer.Option("--assay", help="Which assay of the support, if it has several."),
    ] = None,
    format: Format = "auto",
    show: Annotated[
        int, typer.Option("--show", min=0, help="Print so many of the best molecules.")
    ] = 0,
    device: Device = "auto",
    workers: Workers = None,
) -> None:
    """Predict a new assay from a few labelled molecules: one output row for every input row."""
    from molmeta.assays import open_library, read_support
    from molmeta.meta import load_model
    from molmeta.meta.device import pick_device
    from molmeta.predict import predict_table
    from molmeta.predict.files import check_ending, write_table
    from molmeta.resources import n_cores

    check_ending(output)
    loaded = load_model(model, pick_device(device))
    known = read_support(
        support, columns, format=format, assay_id=assay, standardize=loaded.standardize
    )
    say(_describe(known))
    predictions = predict_table(
        loaded,
        known,
        None if not input else open_library(input, columns.smiles_column),
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


def _describe(support: Support) -> str:
    """What is learnt from, and why anything measured is not."""
    from molmeta.assays.audit import describe

    n_kept, n_active = support.kept.sum(), (support.labels[support.kept] == 1).sum()
    text = f"support {support.assay_id}: {n_kept} molecules, {n_active} active"
    if support.kept.all() or not (~support.kept & ~support.blank).any():
        return text
    return f"{text}; {describe(support.summary())}"
