"""`molmeta suggest`: which molecules to measure next."""

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
    TrustCode,
    Workers,
    say_support,
    with_columns,
)

if TYPE_CHECKING:
    from molmeta.assays import Columns


@with_columns
def suggest(
    support: Annotated[
        Path, typer.Option("--support", help="What is measured so far, with labels or values.")
    ],
    input: Annotated[
        list[Path],
        typer.Option("--input", help="What could be measured: files or folders; may be repeated."),
    ],
    output: Output,
    columns: Columns,
    number: Annotated[int, typer.Option("--number", "-n", min=1, help="How many.")] = 10,
    strategy: Annotated[
        str,
        typer.Option(
            "--strategy",
            help="greedy (the highest scores), uncertain (p nearest to one half) or diverse "
            "(high scores that do not resemble each other).",
        ),
    ] = "greedy",
    model: Model = "default",
    trust_code: TrustCode = False,
    assay: Assay = None,
    format: Format = "auto",
    device: Device = "auto",
    workers: Workers = None,
) -> None:
    """Suggest which molecules of a library to measure next."""
    from molmeta.assays import open_library, read_support
    from molmeta.learning.device import pick_device
    from molmeta.predict.files import check_ending, check_not_read, write_table
    from molmeta.predict.library.suggest import suggest as run
    from molmeta.resources import n_cores
    from molmeta.runs import load_model

    check_ending(output)
    check_not_read(output, [support, *input])
    loaded = load_model(model, pick_device(device), trust_code=trust_code)
    known = read_support(
        support, columns, format=format, assay_id=assay, standardize=loaded.standardize
    )
    say_support(known)
    table = run(
        loaded,
        known,
        open_library(input, columns.smiles_column),
        number,
        strategy=strategy,
        workers=workers or n_cores(),
        progress=counter("molecules"),
    )
    write_table(table, output)
    say(f"{output}: {len(table)} molecules, {strategy}, from {known.kept.sum()} measured ones")
