"""`molmeta predict`: a few labelled molecules and a table in, a table with scores out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from molmeta_cli.console import counter
from molmeta_cli.options import (
    Assay,
    Columns,
    Device,
    Format,
    InputSheet,
    LabelsOnly,
    Model,
    Output,
    Report,
    TrustCode,
    Workers,
    check_tables,
    open_model,
    read_new_assay,
    with_flags,
)
from molmeta_cli.ranking import say_best, say_support, say_written


@dataclass(frozen=True)
class Options:
    """Of `molmeta predict`."""

    support: Annotated[
        Path,
        typer.Option("--support", help="Molecules of the new assay with labels or values."),
    ]
    output: Output
    columns: Columns
    input: Annotated[
        list[Path] | None,
        typer.Option(
            "--input",
            help="Molecules to predict: a file, folder or store, may be repeated; without it, the "
            "support table's blank labels.",
        ),
    ] = None
    model: Model = "default"
    trust_code: TrustCode = False
    labels_only: LabelsOnly = False
    assay: Assay = None
    format: Format = "auto"
    input_sheet: InputSheet = None
    show: Annotated[
        int, typer.Option("--show", min=0, help="Print so many of the best molecules.")
    ] = 10
    keep_order: Annotated[
        bool,
        typer.Option(
            "--keep-order",
            help="Leave the rows in the input's order, as -o - does; else best first.",
        ),
    ] = False
    prevalence: Annotated[
        float | None,
        typer.Option(
            "--prevalence",
            help="Share of actives to expect in the input; by default as in the support.",
        ),
    ] = None
    error: Annotated[
        float | None,
        typer.Option(
            "--error",
            help="Add the classes that each molecule may have, wrong in about this share of cases.",
        ),
    ] = None
    properties: Annotated[
        bool,
        typer.Option(
            "--properties",
            help="Add molecular weight, logP, polar surface, PAINS and Brenk alerts.",
        ),
    ] = False
    structures: Annotated[
        bool, typer.Option("--structures", help="Draw the best 500 molecules (.xlsx only).")
    ] = False
    report: Report = None
    device: Device = "auto"
    workers: Workers = None


@with_flags
def predict(options: Options) -> None:
    """Rank molecules for a new assay by a few measured ones: one output row for every input row."""
    from molmeta.predict.files import check_ending, check_not_read, check_structures, write_table

    check_ending(options.output, ".xlsx", ".sdf")
    if options.structures:
        check_structures(options.output)
    for path in filter(None, (options.output, options.report)):
        check_not_read(path, [options.support, *(options.input or [])])
    # Before torch is imported. A wide table's column that --assay names is looked at later.
    support = [] if options.assay else [options.support]
    library = check_tables(
        support, options.columns, options.format, options.input, options.input_sheet
    )
    from molmeta.predict import learn, predict_table
    from molmeta.predict.report import write_report
    from molmeta.resources import n_cores

    model = open_model(options.model, options.device, trust_code=options.trust_code)
    known = read_new_assay(
        options.support,
        options.columns,
        model,
        format=options.format,
        assay=options.assay,
        labels_only=options.labels_only,
    )
    workers = options.workers or n_cores()
    classifier = learn(
        model,
        known,
        prevalence=options.prevalence,
        labels_only=options.labels_only,
        workers=workers,
    )
    say_support(classifier.support_report_)
    predictions = predict_table(
        classifier,
        library or known,
        error=options.error,
        properties=options.properties,
        workers=workers,
        progress=counter("molecules"),
    )
    if options.report is not None:  # first, for most can go wrong there
        write_report(predictions, known.assay_id, options.report)
    keeps = options.keep_order or str(options.output) == "-"
    ranked = predictions.ranked().rounded()
    written = predictions.rounded() if keeps else ranked
    write_table(written.table, options.output, written.smiles, structures=options.structures)
    say_best(ranked, options.show)
    say_written(written, options.output, keeps_order=keeps)
