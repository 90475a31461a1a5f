"""Options that several verbs share, each declared once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from molmeta.errors import InputError

if TYPE_CHECKING:
    from molmeta.assays import AssayStore, Columns

Data = Annotated[
    list[Path],
    typer.Argument(
        metavar="DATA…", help="CSV, TSV or Parquet tables, compressed or not, or assay stores."
    ),
]
Output = Annotated[Path, typer.Option("--output", "-o", help="Where the result goes.")]
Model = Annotated[
    str, typer.Option("--model", "-m", help="A run folder, or a shipped model's name.")
]
Device = Annotated[str, typer.Option("--device", help="auto, cpu, cuda or cuda:N.")]
Workers = Annotated[
    int | None,
    typer.Option("--workers", min=1, help="Worker processes.", show_default="one a core"),
]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Seed of everything random.")]
SmilesColumn = Annotated[
    str | None, typer.Option("--smiles-column", help="Column of the molecules' SMILES.")
]
AssayColumn = Annotated[
    str | None, typer.Option("--assay-column", help="Column of the assay's name (long tables).")
]
LabelColumn = Annotated[
    str | None, typer.Option("--label-column", help="Column of active or inactive.")
]
ValueColumn = Annotated[
    str | None, typer.Option("--value-column", help="Column of the measured value.")
]


def columns_of(
    smiles: str | None, assay: str | None, label: str | None, value: str | None = None
) -> Columns:
    """What the user says about the columns, from the flags."""
    from molmeta.assays.columns import Columns

    return Columns(smiles_column=smiles, assay_column=assay, label_column=label, value_column=value)


def read_assays(paths: list[Path], columns: Columns) -> AssayStore:
    """DATA as every verb takes it: one store, or any number of tables that become one."""
    from molmeta.assays import featurize_files, load_assays

    return (
        load_assays(paths[0], columns)
        if len(paths) == 1
        else featurize_files(paths, None, columns=columns)
    )


def numbers(text: str, option: str) -> list[int]:
    """Comma-separated whole numbers, e.g. of --support-sizes."""
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise InputError.of(option, got=repr(text), expected="numbers such as 16,32") from None


def names(text: str) -> list[str]:
    """Comma-separated names, e.g. of --baselines."""
    return [part.strip() for part in text.split(",") if part.strip()]
