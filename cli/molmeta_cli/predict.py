"""`molmeta predict`: a few labelled molecules and a table in, a table with scores out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from molmeta.errors import InputError
from molmeta_cli.console import counter, say
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

if TYPE_CHECKING:
    from molmeta.assays import Library, Support
    from molmeta.predict.learnt import LearntAssay


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
    learnt, waiting = _learn(options, workers)
    if options.save is not None:
        learnt.save(options.save)
    say_support(learnt.classifier.support_report_)
    molecules = library or waiting
    assert molecules is not None  # checked before
    predictions = predict_table(
        learnt.classifier,
        molecules,
        error=options.error,
        properties=options.properties,
        measured=learnt.looked_at,
        workers=workers,
        progress=counter("molecules"),
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
    from molmeta.predict.files import (
        LEARNT,
        check_ending,
        check_learnt,
        check_not_read,
        check_structures,
    )

    check_ending(options.output, ".xlsx", ".sdf")
    if options.structures:
        check_structures(options.output)
    if options.save is not None:
        check_learnt(options.save)
    for path in filter(None, (options.output, options.report, options.save)):
        check_not_read(path, [options.support, *(options.input or [])])
    # A wide table's column that --assay names is looked at later.
    tables = [] if options.assay else [options.support]
    if options.support.suffix == LEARNT:
        _check_settled(options)
        tables = []
    return check_tables(tables, options.columns, options.format, options.input, options.input_sheet)


def _check_settled(options: Options) -> None:
    """Refuse flags that say how a table is read, where an assay is learnt already."""
    from molmeta.assays import Columns

    given = replace(options.columns, smiles_column=None) != Columns()
    if given or options.assay or options.labels_only or options.format != "auto":
        raise InputError.of(
            f"--support {options.support}",
            got="flags that say how a table is read",
            expected="none of them: this assay is learnt already",
        )
    if not options.input:
        raise InputError.of(
            f"--support {options.support}", got="no --input", expected="molecules to predict"
        )


def _learn(options: Options, workers: int) -> tuple[LearntAssay, Support | None]:
    """Learn the assay, or read what was learnt; gives the table whose blank rows may wait too."""
    from molmeta.predict import learn
    from molmeta.predict.files import LEARNT
    from molmeta.predict.learnt import LearntAssay

    model = open_model(options.model, options.device, trust_code=options.trust_code)
    if options.support.suffix == LEARNT:
        learnt = LearntAssay.load(options.support, model, workers=workers)
        if options.prevalence is not None:
            learnt.classifier.prevalence = options.prevalence
        say(f"{learnt.name}: {len(learnt.classifier.known_.smiles)} molecules, learnt before")
        return learnt, None
    known = read_new_assay(
        options.support,
        options.columns,
        model,
        format=options.format,
        assay=options.assay,
        labels_only=options.labels_only,
    )
    classifier = learn(
        model,
        known,
        prevalence=options.prevalence,
        labels_only=options.labels_only,
        workers=workers,
    )
    return LearntAssay(known.assay_id, classifier, known.looked_at), known
