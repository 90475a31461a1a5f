"""`molmeta predict`: a few labelled molecules and a table in, a table with scores out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from molmeta_cli.console import counter, say
from molmeta_cli.options import (
    Assay,
    Device,
    Format,
    Model,
    Output,
    Report,
    TrustCode,
    Workers,
    say_support,
    with_columns,
)

if TYPE_CHECKING:
    from molmeta.assays import Columns


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
    trust_code: TrustCode = False,
    assay: Assay = None,
    format: Format = "auto",
    show: Annotated[
        int, typer.Option("--show", min=0, help="Print so many of the best molecules.")
    ] = 0,
    prevalence: Annotated[
        float | None,
        typer.Option(
            "--prevalence",
            help="Share of actives to expect in the input; by default as in the support.",
        ),
    ] = None,
    error: Annotated[
        float | None,
        typer.Option(
            "--error",
            help="Add the classes that each molecule may have, wrong in about this share of cases.",
        ),
    ] = None,
    report: Report = None,
    device: Device = "auto",
    workers: Workers = None,
) -> None:
    """Predict a new assay from a few labelled molecules: one output row for every input row."""
    from molmeta.assays import open_library, read_support
    from molmeta.learning.device import pick_device
    from molmeta.predict import learn, predict_table
    from molmeta.predict.files import check_ending, check_not_read, write_table
    from molmeta.predict.report import write_report
    from molmeta.resources import n_cores
    from molmeta.runs import load_model

    check_ending(output, also=".sdf")
    for written in filter(None, (output, report)):
        check_not_read(written, [support, *(input or [])])
    loaded = load_model(model, pick_device(device), trust_code=trust_code)
    known = read_support(
        support, columns, format=format, assay_id=assay, standardize=loaded.standardize
    )
    say_support(known)
    workers = workers or n_cores()
    classifier = learn(loaded, known, prevalence=prevalence, workers=workers)
    support_report = classifier.support_report_
    if support_report.expected:
        say(f"expected here: {support_report.expected}")
    for warning in support_report.warnings:
        say(f"warning: {warning}")
    predictions = predict_table(
        classifier,
        open_library(input, columns.smiles_column) if input else known,
        error=error,
        workers=workers,
        progress=counter("molecules"),
    )
    table = predictions.table
    if report is not None:  # first, for most can go wrong there: nothing is left half-written
        write_report(predictions, known.assay_id, report)
    write_table(table, output, smiles=predictions.smiles)
    if show:
        best = table.sort_values("score", ascending=False).head(show)
        best = best.drop(columns=["status", "reason", "score"])
        say(best.to_string(index=False, max_colwidth=40))
    n_rejected = int((table["status"] == "rejected").sum())
    say(f"{output}: {len(table):,} rows, {n_rejected:,} rejected")
