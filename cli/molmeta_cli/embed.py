"""`molmeta embed`: molecules → vectors."""

from pathlib import Path
from typing import Annotated

import typer

from molmeta.resources import check_outputs, n_cores
from molmeta_cli.console import counter, say
from molmeta_cli.options import Device, Model, Output, SmilesColumn, TrustCode, Workers, open_model


def embed(
    input: Annotated[
        list[Path], typer.Option(help="Molecules: a file, folder or store; may be repeated.")
    ],
    output: Output,
    model: Model = "default",
    trust_code: TrustCode = False,
    dtype: Annotated[
        str, typer.Option(help="Numbers in .npy and .parquet: fp32, bf16 or fp16.")
    ] = "fp32",
    projected: Annotated[
        bool,
        typer.Option(
            "--projected",
            help="Store what the head compares, not the encoder's vectors: faster to screen.",
        ),
    ] = False,
    device: Device = "auto",
    workers: Workers = None,
    smiles_column: SmilesColumn = None,
) -> None:
    """Embed molecules: a row of vectors in an .npy file, or of a table, a molecule."""
    from molmeta.assays import open_library
    from molmeta.predict.encoder import MoleculeEncoder
    from molmeta.predict.library.vector_writers import check_vector_file

    check_vector_file(output, dtype)
    check_outputs([output], input)
    encoder = MoleculeEncoder(open_model(model, device, trust_code=trust_code))
    library = open_library(input, smiles_column)
    with counter("molecules", library.count) as progress:
        n_rows, rejected = encoder.encode_library(
            library,
            output,
            number_format=dtype,
            projected=projected,
            workers=workers or n_cores(),
            progress=progress,
        )
    n_rejected = sum(rejected.values())
    say(f"{output}: {n_rows:,} molecules, {n_rejected:,} rejected (NaN)")
    for reason, count in rejected.most_common(5):
        say(f"  {count:,} × {reason}")
