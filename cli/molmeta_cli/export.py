"""`molmeta export`: a model's encoder → a program that runs without molmeta."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from molmeta_cli.console import say
from molmeta_cli.options import TrustCode, open_model


def export(
    model: Annotated[
        str, typer.Argument(metavar="MODEL", help="A run folder, or a shipped model's name.")
    ],
    output: Annotated[
        Path,
        typer.Option("--output", "-o", help="The program: .pt2 for torch.export, .onnx for ONNX."),
    ],
    trust_code: TrustCode = False,
) -> None:
    """Export an encoder: a program that turns molecules into vectors without molmeta."""
    from molmeta.predict.export import check_program_file, export_encoder

    check_program_file(output)
    loaded = open_model(model, "cpu", trust_code=trust_code)
    beside = export_encoder(loaded, output)
    size = output.stat().st_size / 1e6
    say(f"{output}: {size:.1f} MB, vectors of {loaded.learner.encoder.dim} numbers")
    say(f"{beside}: reads SMILES for it, with RDKit and numpy")
