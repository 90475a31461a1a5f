"""`molmeta suggest`: which molecules to measure next."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from molmeta.resources import check_outputs, n_cores
from molmeta_cli.console import counter, say
from molmeta_cli.known import check_known, learn_supports
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
    open_input,
    open_model,
    with_flags,
)


@dataclass(frozen=True)
class Options:
    """Of `molmeta suggest`."""

    support: Annotated[
        Path,
        typer.Option(help="What is measured so far, with labels or values; or what --save wrote."),
    ]
    input: Annotated[
        list[Path], typer.Option(help="What could be measured: files or folders; may be repeated.")
    ]
    output: Output
    columns: Columns
    number: Annotated[int, typer.Option("--number", "-n", min=1, help="How many.")] = 10
    strategy: Annotated[
        str,
        typer.Option(
            help="greedy (the highest scores), uncertain (p nearest to one half) or diverse "
            "(high scores that do not resemble each other)."
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
    from molmeta.predict.files import check_ending, write_table

    check_ending(options.output, ".xlsx")
    check_outputs([options.output], [options.support, *options.input])
    check_known(
        [options.support],
        options.columns,
        options.format,
        assay=options.assay,
        labels_only=options.labels_only,
    )
    library = open_input(options.input, options.columns, options.input_sheet)
    assert library is not None  # --input is required
    from molmeta.predict.library.suggest import suggest as run
    from molmeta.predict.table import rounded

    model = open_model(options.model, options.device, trust_code=options.trust_code)
    workers = options.workers or n_cores()
    [learnt], _ = learn_supports(
        options.support,
        options.columns,
        model,
        format=options.format,
        assay=options.assay,
        labels_only=options.labels_only,
        workers=workers,
    )
    with counter("molecules", library.count) as progress:
        table = run(
            learnt,
            library,
            options.number,
            strategy=options.strategy,
            workers=workers,
            progress=progress,
        )
    write_table(rounded(table), options.output)
    n_known = len(learnt.classifier.known_.smiles)
    told = f"{len(table)} molecules, {options.strategy}, from {n_known} measured ones"
    say(f"{options.output}: {told}")
