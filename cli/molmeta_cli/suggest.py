"""`molmeta suggest`: which molecules to measure next."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

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
    TrustCode,
    Workers,
    check_tables,
    open_model,
    read_new_assay,
    with_flags,
)


@dataclass(frozen=True)
class Options:
    """Of `molmeta suggest`."""

    support: Annotated[
        Path, typer.Option("--support", help="What is measured so far, with labels or values.")
    ]
    input: Annotated[
        list[Path],
        typer.Option("--input", help="What could be measured: files or folders; may be repeated."),
    ]
    output: Output
    columns: Columns
    number: Annotated[int, typer.Option("--number", "-n", min=1, help="How many.")] = 10
    strategy: Annotated[
        str,
        typer.Option(
            "--strategy",
            help="greedy (the highest scores), uncertain (p nearest to one half) or diverse "
            "(high scores that do not resemble each other).",
        ),
    ] = "greedy"
    model: Model = "default"
    trust_code: TrustCode = False
    labels_only: LabelsOnly = False
    assay: Assay = None
    format: Format = "auto"
    input_sheet: InputSheet = None
    device: Device = "auto"
    workers: Workers = None


@with_flags
def suggest(options: Options) -> None:
    """Suggest which molecules of a library to measure next."""
    from molmeta.predict.files import check_ending, check_not_read, write_table

    check_ending(options.output, ".xlsx")
    check_not_read(options.output, [options.support, *options.input])
    support = [] if options.assay else [options.support]
    library = check_tables(
        support, options.columns, options.format, options.input, options.input_sheet
    )
    assert library is not None  # --input is required
    from molmeta.predict.library.suggest import suggest as run
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
    table = run(
        model,
        known,
        library,
        options.number,
        strategy=options.strategy,
        labels_only=options.labels_only,
        workers=options.workers or n_cores(),
        progress=counter("molecules"),
    )
    write_table(table, options.output)
    told = f"{len(table)} molecules, {options.strategy}, from {known.kept.sum()} measured ones"
    say(f"{options.output}: {told}")
