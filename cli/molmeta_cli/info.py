"""`molmeta info`: what a store, a model or a file is and holds."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from molmeta_cli.options import TrustCode

if TYPE_CHECKING:
    from molmeta.runs.model import Model


def info(
    thing: Annotated[
        Path,
        typer.Argument(help="An assay store, a run folder, a shipped model's name or a table."),
    ],
    trust_code: TrustCode = False,
) -> None:
    """Say what a store, a model or a file is and holds."""
    for name, value in _describe(thing, trust_code).items():
        first, *more = str(value).splitlines() or [""]
        typer.echo(f"{name:<18} {first}")
        for line in more:
            typer.echo(f"{'':<18} {line}")


def _describe(thing: Path, trust_code: bool) -> dict[str, object]:
    from molmeta.assays.store_folder import is_store

    if is_store(thing):
        return _store(thing)
    if thing.is_dir() or _is_shipped(thing):
        return _model(thing, trust_code)
    return _table(thing)


def _is_shipped(thing: Path) -> bool:
    """Tell whether it is a shipped model's name; for a table torch is not imported."""
    if thing.exists() or not str(thing).isidentifier():
        return False
    from molmeta.runs.model import shipped_models

    return str(thing) in shipped_models()


def _store(path: Path) -> dict[str, object]:
    from molmeta.assays import AssayStore
    from molmeta.assays.audit import describe
    from molmeta.chem.standardize import describe as describe_form

    store = AssayStore.open(path)
    assays = store.assays
    n_rows, n_kept, n_active = assays["n_rows"], assays["n_kept"].sum(), assays["n_active"].sum()
    units = assays["unit"].replace("", "no values").value_counts()
    return {
        "what": "assay store",
        "assays": f"{len(store):,}",
        "molecules": f"{store.n_molecules:,}",
        "rows an assay": f"median {n_rows.median():.0f}, largest {n_rows.max():,}",
        "actives": f"{n_active / max(n_kept, 1):.1%} of what is kept",
        "measured in": ", ".join(f"{unit} ({n:,} assays)" for unit, n in units.items()),
        "audit": describe(store.audit_summary()),
        "files": f"{len(store.header['files']):,}",
        "form": describe_form(store.standardize),
        "features": store.feature_spec,
    }


def _model(path: Path, trust_code: bool) -> dict[str, object]:
    from molmeta.chem.standardize import describe as describe_form
    from molmeta.runs import load_model

    model = load_model(path, trust_code=trust_code)
    n_parameters = sum(parameter.numel() for parameter in model.learner.parameters())
    return {
        "what": f"model {model.path.name}",
        "parameters": f"{n_parameters:,}",
        "reads": f"{', '.join(sorted(model.learner.encoder.reads))} (encoder "
        f"{model.recipe['encoder']['name']})",
        "adapts": _adapts(model.recipe),
        "matches": _matches(model),
        "form": describe_form(model.standardize),
        "embeds once": model.learner.embeds_once,
        **model.recipe,
    }


def _adapts(recipe: Mapping[str, Any]) -> str:
    """Say which inner step a model takes on a support set."""
    inner = recipe["inner"]
    if not inner["steps"]:
        return "by no inner step"
    name = "Reptile" if inner["order"] == "reptile" else "MAML"
    order = {1: "first order, ", 2: "second order, "}.get(inner["order"], "")
    steps = f"one {name} step" if inner["steps"] == 1 else f"{inner['steps']} {name} steps"
    loss = "marginal likelihood" if inner["loss"] == "likelihood" else "leave-one-out loss"
    moved = recipe["learner"]["adapt"]
    return f"by {steps} ({order}rate {inner['lr']:g}) on the {loss}, of: {moved}"


def _matches(model: Model) -> str:
    """Say how a model's head compares molecules."""
    head, known = model.recipe["head"], model.learner.matcher.known_assays
    text = f"{head['name']} head"
    text += f", {head['attention']} attention" if "attention" in head else ""
    return text + (f"; {len(known):,} known assays" if known else "")


def _table(path: Path) -> dict[str, object]:
    from molmeta.assays.library import find_smiles
    from molmeta.assays.readers import READERS, open_source

    source = open_source(path)
    table = source.table
    return {
        "what": f"{table.kind} table",
        "read as": next(name for name, reader in READERS.items() if reader is source.reader),
        "columns": ", ".join(table.columns),
        "molecules in": find_smiles(table, None),
        "rows": f"{sum(map(len, table.chunks())):,}",
    }
