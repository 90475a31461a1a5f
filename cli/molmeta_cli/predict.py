"""`molmeta predict`: a few labelled molecules and a table in, a table with scores out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from molmeta.errors import InputError
from molmeta.resources import check_outputs
from molmeta_cli.console import counter, say
from molmeta_cli.known import Learning, check_known, learn_supports
from molmeta_cli.options import Assay, Output, Report, with_flags
from molmeta_cli.ranking import say_best, say_support, say_written

if TYPE_CHECKING:
    from molmeta.assays import Library, Support
    from molmeta.predict.learnt import LearntAssay


@dataclass(frozen=True)
class Options(Learning):
    """Of `molmeta predict`."""

    support: Annotated[
        Path,
        typer.Option(
            help="Molecules of the new assay with labels or values; or what --save wrote."
        ),
    ]
    output: Output
    input: Annotated[
        list[Path] | None,
        typer.Option(
            help="Molecules to predict: a file, folder or store, may be repeated; without it, the "
            "support table's blank labels."
        ),
    ] = None
    assay: Assay = None
    show: Annotated[int, typer.Option(min=0, help="Print so many of the best molecules.")] = 10
    keep_order: Annotated[
        bool,
        typer.Option(
            "--keep-order",
            help="Leave the rows in the input's order, as -o - does; else best first.",
        ),
    ] = False
    prevalence: Annotated[
        float | None,
        typer.Option(help="Share of actives to expect in the input; by default as in the support."),
    ] = None
    error: Annotated[
        float | None,
        typer.Option(
            help="Add the classes that each molecule may have, wrong in about this share of cases."
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
        typer.Option(help="Also write what was learnt (.molmeta), for --support later on."),
    ] = None


@with_flags
def predict(options: Options) -> None:
    """Rank molecules for a new assay by a few measured ones: one output row for every input row."""
    library = _check(options)  # before torch is imported

    assays, tables = learn_supports(
        options, options.support, options.assay, several=True, prevalence=options.prevalence
    )
    if len(assays) > 1:
        _predict_several(options, assays, library)
        return
    _predict_one(options, assays[0], library or tables[0])


def _predict_one(options: Options, learnt: LearntAssay, molecules: Library | Support) -> None:
    from molmeta.predict import predict_table
    from molmeta.predict.files import write_table
    from molmeta.predict.report import write_report

    if options.save is not None:
        learnt.save(options.save)
    say_support(learnt.classifier.support_report_)
    with counter("molecules", molecules.count) as progress:
        predictions = predict_table(
            learnt.classifier,
            molecules,
            error=options.error,
            properties=options.properties,
            measured=learnt.measured,
            workers=options.n_workers,
            progress=progress,
        )
    if options.report is not None:  # first, for most can go wrong there
        write_report(predictions, learnt.name, options.report, learnt.names)
    keeps = options.keep_order or str(options.output) == "-"
    ranked = predictions.ranked().rounded()
    written = predictions.rounded() if keeps else ranked
    write_table(written.table, options.output, written.smiles, structures=options.structures)
    say_best(ranked, options.show)
    say_written(written, options.output, keeps_order=keeps)


def _predict_several(options: Options, learnt: list[LearntAssay], library: Library | None) -> None:
    from molmeta.predict.files import write_table
    from molmeta.predict.side_by_side import predict_side_by_side

    names = ", ".join(repr(one.name) for one in learnt)
    for what, is_given in (("--report", options.report), ("--save", options.save)):
        if is_given is not None:
            raise InputError.of(
                what,
                got=f"{len(learnt)} assays ({names})",
                expected="one",
                fix="Name it with --value-column, or with --assay.",
            )
    if library is None:
        raise InputError.of(
            f"--support {options.support}",
            got=f"{len(learnt)} assays ({names}) and no --input",
            expected="molecules to predict",
            fix="Give them with --input, or name one assay with --value-column or --assay.",
        )
    for one in learnt:
        say(f"{one.name}:")
        say_support(one.classifier.support_report_)
    with counter("molecules", library.count) as progress:
        found = predict_side_by_side(
            learnt,
            library,
            error=options.error,
            properties=options.properties,
            workers=options.n_workers,
            progress=progress,
        )
    write_table(found.table, options.output, found.smiles, structures=options.structures)
    for name, predictions in found.assays.items():
        say(f"{name}, best first:")
        say_best(predictions.ranked(), options.show)
    say(
        f"{options.output}: {len(found.table):,} rows, in the input's order; "
        f"{len(learnt)} assays, each with its columns rank_ASSAY, p_active_ASSAY …"
    )


def _check(options: Options) -> Library | None:
    """Refuse what can be refused at once; gives the opened library, None for none."""
    from molmeta.predict.files import check_ending, check_structures
    from molmeta.predict.learnt_file import LEARNT, check_learnt

    check_ending(options.output, ".xlsx", ".sdf")
    if options.structures:
        check_structures(options.output)
    if options.save is not None:
        check_learnt(options.save)
    outputs = (options.output, options.report, options.save)
    check_outputs(outputs, [options.support, *(options.input or [])])
    check_known(options, [options.support], assay=options.assay, several=True)
    if options.support.suffix == LEARNT and not options.input:
        raise InputError.of(
            f"--support {options.support}", got="no --input", expected="molecules to predict"
        )
    return options.open_input(options.input)
