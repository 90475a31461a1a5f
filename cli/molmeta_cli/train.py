"""`molmeta train`: meta-train a learner across assays."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from molmeta_cli.console import say
from molmeta_cli.options import (
    AssayColumn,
    Data,
    Device,
    LabelColumn,
    Output,
    SmilesColumn,
    ValueColumn,
    columns_of,
)

if TYPE_CHECKING:
    from molmeta.meta.trainer import Progress


def train(
    data: Data,
    output: Output,
    valid: Annotated[
        list[Path] | None,
        typer.Option("--valid", help="Validation assays; they choose the checkpoint."),
    ] = None,
    config: Annotated[
        str, typer.Option("--config", help="A recipe's name or a YAML file.")
    ] = "default",
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Override, e.g. training.steps=500."),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from the run folder's last saved state.")
    ] = False,
    device: Device = "auto",
    seed: Annotated[
        int | None, typer.Option("--seed", min=0, help="Short for --set training.seed=N.")
    ] = None,
    smiles_column: SmilesColumn = None,
    assay_column: AssayColumn = None,
    label_column: LabelColumn = None,
    value_column: ValueColumn = None,
) -> None:
    """Meta-train a learner across assays; -o is the run folder."""
    from molmeta.assays import load_assays
    from molmeta.config import override, read_recipe
    from molmeta.meta import train as train_run
    from molmeta.meta.device import pick_device

    columns = columns_of(smiles_column, assay_column, label_column, value_column)
    recipe = override(read_recipe(config), settings or [])
    if seed is not None:
        recipe = override(recipe, [f"training.seed={seed}"])
    with _stop_on_interrupt() as stop:
        best = train_run(
            recipe,
            load_assays(data, columns),
            load_assays(valid, columns) if valid else None,
            output,
            resume=resume,
            device=pick_device(device),
            progress=_show,
            stop=stop,
        )
    say(f"done: best valid ΔAUPRC {best:.3f}, model in {output}")


def _show(row: Progress) -> None:
    left = (row.n_steps - row.step) * row.seconds / max(row.step, 1)
    valid = "" if row.valid_delta_auprc != row.valid_delta_auprc else (
        f"  valid ΔAUPRC {row.valid_delta_auprc:.4f} (best {row.best:.4f})"
    )
    say(
        f"step {row.step}/{row.n_steps}  loss {row.loss:.4f}  "
        f"{row.episodes_per_second:.0f} episodes/s  {left / 60:.0f} min left{valid}"
    )


@contextmanager
def _stop_on_interrupt() -> Iterator[Callable[[], bool]]:
    """Turn the first Ctrl-C into a request to stop after the step; the second one ends at once."""
    asked = False

    def ask(_number: int, _frame: object) -> None:
        nonlocal asked
        asked = True
        signal.signal(signal.SIGINT, signal.default_int_handler)
        say("stopping after this step; press Ctrl-C again to stop at once")

    before = signal.signal(signal.SIGINT, ask)
    try:
        yield lambda: asked
    finally:
        signal.signal(signal.SIGINT, before)
