"""`molmeta info`: what a store, a model or a file is and holds."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def info(
    thing: Annotated[Path, typer.Argument(help="An assay store, a run folder or a table.")],
) -> None:
    """Say what a store, a model or a file is and holds."""
    for name, value in _describe(thing).items():
        typer.echo(f"{name:<18} {value}")


def _describe(thing: Path) -> dict[str, object]:
    if (thing / "store.json").is_file():
        return _store(thing)
    if thing.is_dir():
        return _model(thing)
    return _table(thing)


def _store(path: Path) -> dict[str, object]:
    from molmeta.assays import AssayStore

    store = AssayStore.open(path)
    assays = store.assays
    return {
        "what": "assay store",
        "assays": f"{len(store):,}",
        "molecules": f"{store.n_molecules:,}",
        "rows": f"{assays['n_rows'].sum():,} ({assays['n_kept'].sum():,} kept by curation)",
        "rows an assay": f"median {assays['n_rows'].median():.0f}, largest {assays['n_rows'].max():,}",
        "actives": f"{assays['n_active'].sum() / max(assays['n_kept'].sum(), 1):.1%} of what is kept",
        "features": store.feature_spec,
    }


def _model(path: Path) -> dict[str, object]:
    from molmeta.meta import load_model

    model = load_model(path)
    n_parameters = sum(parameter.numel() for parameter in model.learner.parameters())
    return {
        "what": "model",
        "parameters": f"{n_parameters:,}",
        "embeds once": model.learner.embeds_once,
        **{section: settings for section, settings in model.recipe.items()},
    }


def _table(path: Path) -> dict[str, object]:
    from molmeta.assays.readers.plain import find_smiles
    from molmeta.assays.tables import open_table

    table = open_table(path)
    return {
        "what": f"{table.kind} table",
        "columns": ", ".join(table.columns),
        "molecules in": find_smiles(table, None),
        "rows": f"{sum(map(len, table.chunks())):,}",
    }
