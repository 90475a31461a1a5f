"""`molmeta embed`: molecules → vectors."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from molmeta_cli.console import say
from molmeta_cli.options import Device, Model, Output, SmilesColumn, Workers


def embed(
    input: Annotated[
        list[Path],
        typer.Option("--input", help="Molecules: a file, folder or store; may be repeated."),
    ],
    output: Output,
    model: Model = "default",
    device: Device = "auto",
    workers: Workers = None,
    smiles_column: SmilesColumn = None,
) -> None:
    """Embed molecules: a row of vectors in an .npy file, or columns of a table, a molecule."""
    from molmeta.assays import open_library
    from molmeta.meta import load_model
    from molmeta.meta.device import pick_device
    from molmeta.predict.encoder import MoleculeEncoder
    from molmeta.predict.files import check_ending, write_vectors
    from molmeta.predict.table import read_library
    from molmeta.resources import n_cores

    check_ending(output, also=".npy")
    encoder = MoleculeEncoder(load_model(model, pick_device(device)))
    rows, smiles = read_library(open_library(input, smiles_column))
    vectors = encoder.encode(smiles, workers=workers or n_cores())
    write_vectors(rows, vectors, output)
    n_rejected = int((vectors != vectors).any(axis=1).sum())
    say(f"{output}: {vectors.shape[0]:,} × {vectors.shape[1]}, {n_rejected:,} rejected (NaN)")
