"""`molmeta predict`: a few labelled molecules and a table in, a table with scores out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from molmeta.errors import InputError
from molmeta_cli.console import counter
from molmeta_cli.known import check_known, learn_assay
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
    open_input,
    open_model,
    with_flags,
)
from molmeta_cli.ranking import say_best, say_support, say_written

if TYPE_CHECKING:
    from molmeta.assays import Library


@dataclass(frozen=True)
class Options:
    """Of `molmeta predict`."""

    support: Annotated[
        Path,
        typer.Option(
            "--support",
            help="Molecules of the new assay with labels or values; or what --save wrote.",
        ),
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
    save: Annotated[
        Path | None,
        typer.Option(
            "--save", help="Also write what was learnt (.molmeta), for --support later on."
        ),
    ] = None
    device: Device = "auto"
    workers: Workers = None


@with_flags
def predict(options: Options) -> None:
    """Rank molecules for a new assay by a few measured ones: one output row for every input row."""
    library = _check(options)  # before torch is imported
    from molmeta.predict import predict_table
    from molmeta.predict.files import write_table
    from molmeta.predict.report import write_report
    from molmeta.resources import n_cores

    workers = options.workers or n_cores()
    learnt, waiting = learn_assay(
        options.support,
        options.columns,
        open_model(options.model, options.device, trust_code=options.trust_code),
        format=options.format,
        assay=options.assay,
        labels_only=options.labels_only,
        prevalence=options.prevalence,
        workers=workers,
    )
    if options.save is not None:
        learnt.save(options.save)
    say_support(learnt.classifier.support_report_)
    molecules = library or waiting
    assert molecules is not None  # checked before
    with counter("molecules", molecules.count) as progress:
        predictions = predict_table(
            learnt.classifier,
            molecules,
            error=options.error,
            properties=options.properties,
            measured=learnt.measured,
            workers=workers,
            progress=progress,
        )
    if options.report is not None:  # first, for most can go wrong there
        write_report(predictions, learnt.name, options.report)
    keeps = options.keep_order or str(options.output) == "-"
    ranked = predictions.ranked().rounded()
    written = predictions.rounded() if keeps else ranked
    write_table(written.table, options.output, written.smiles, structures=options.structures)
    say_best(ranked, options.show)
    say_written(written, options.output, keeps_order=keeps)


def _check(options: Options) -> Library | None:
    """Refuse what can be refused at once; gives the opened library, None for none."""
    from molmeta.predict.files import check_ending, check_not_read, check_structures
    from molmeta.predict.learnt_file import LEARNT, check_learnt

    check_ending(options.output, ".xlsx", ".sdf")
    if options.structures:
        check_structures(options.output)
    if options.save is not None:
        check_learnt(options.save)
    for path in filter(None, (options.output, options.report, options.save)):
        check_not_read(path, [options.support, *(options.input or [])])
    check_known(
        [options.support],
        options.columns,
        options.format,
        assay=options.assay,
        labels_only=options.labels_only,
    )
    if options.support.suffix == LEARNT and not options.input:
        raise InputError.of(
            f"--support {options.support}", got="no --input", expected="molecules to predict"
        )
    return open_input(options.input, options.columns, options.input_sheet)
