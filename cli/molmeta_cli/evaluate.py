"""`molmeta evaluate`: how well models learn assays that they have never seen."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from molmeta_cli.console import say
from molmeta_cli.options import (
    AssayColumn,
    Device,
    LabelColumn,
    Output,
    SmilesColumn,
    Workers,
    columns_of,
)


def evaluate(
    data: Annotated[
        list[Path], typer.Option("--data", help="Assays: tables or stores; may be repeated.")
    ],
    output: Output,
    model: Annotated[
        list[str] | None,
        typer.Option("--model", "-m", help="A run folder or shipped model; may be repeated."),
    ] = None,
    protocol: Annotated[str, typer.Option("--protocol", help="How episodes are drawn.")] = "fsmol",
    support_sizes: Annotated[
        str, typer.Option("--support-sizes", help="Comma-separated numbers of molecules.")
    ] = "16,32,64",
    draws: Annotated[int, typer.Option("--draws", min=1, help="Draws an assay and size.")] = 10,
    baselines: Annotated[
        str, typer.Option("--baselines", help="Comma-separated, e.g. rf,simsearch.")
    ] = "",
    device: Device = "auto",
    workers: Workers = None,
    smiles_column: SmilesColumn = None,
    assay_column: AssayColumn = None,
    label_column: LabelColumn = None,
) -> None:
    """Evaluate models and baselines on unseen assays; -o is the folder of results."""
