"""`molmeta train`: meta-train a learner across assays."""

from __future__ import annotations

import math
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from molmeta.errors import InputError
from molmeta_cli.console import say
from molmeta_cli.options import (
    Columns,
    Data,
    Device,
    Format,
    Output,
    TrustCode,
    read_assays,
    read_held_out,
    with_flags,
)

if TYPE_CHECKING:
    from molmeta.training.pretrain import Epoch
    from molmeta.training.progress import Progress


@dataclass(frozen=True)
class Options:
    """Of `molmeta train`."""

    data: Data
    output: Output
    columns: Columns
    valid: Annotated[
        list[Path] | None,
        typer.Option("--valid", help="Validation assays; they choose the checkpoint."),
    ] = None
    test: Annotated[
        list[Path] | None,
        typer.Option(
            "--test",
            metavar="DATA|LISTS.json",
            help="Test assays, or lists of their ids: training on one of them is refused.",
        ),
    ] = None
    assay_info: Annotated[
        Path | None,
        typer.Option(
            "--assay-info",
            help="CSV of assay_id and what pretraining.groups names, such as target_id.",
        ),
    ] = None
    config: Annotated[str, typer.Option("--config", help="A recipe's name or a YAML file.")] = (
        "default"
    )
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Override, e.g. training.steps=500."),
    ] = None
    init: Annotated[
        str | None, typer.Option("--init", metavar="MODEL", help="Start from a model's weights.")
    ] = None
    trust_code: TrustCode = False
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from the run folder's last saved state.")
    ] = False
    device: Device = "auto"
    seed: Annotated[
        int | None, typer.Option("--seed", min=0, help="Short for --set training.seed=N.")
    ] = None
    format: Format = "auto"
    tensorboard: Annotated[
        bool, typer.Option("--tensorboard", help="Curves for TensorBoard too, in the run folder.")
    ] = False


@with_flags
def train(options: Options) -> None:
    """Meta-train a learner across assays; -o is the run folder."""
    from molmeta.assays.info import read_assay_info
    from molmeta.config import override, read_recipe
    from molmeta.learning.device import pick_device
    from molmeta.runs import load_model
    from molmeta.runs.recipe import resolve_recipe
    from molmeta.training import train as train_run

    recipe = override(read_recipe(options.config), options.settings or [])
    if options.seed is not None:
        recipe = override(recipe, [f"training.seed={options.seed}"])
    resolved = resolve_recipe(recipe)
    steps, groups = resolved.training.steps, resolved.pretraining.groups
    if options.assay_info and not groups:
        raise InputError.of(
            f"--assay-info {options.assay_info}",
            got="a recipe without pretraining.groups, which would not read it",
            fix="Name its columns, e.g. --set pretraining.groups=[target_id], or leave it out.",
        )
    info = read_assay_info(options.assay_info, groups) if options.assay_info else None
    how = options.columns, options.format
    assays = read_assays(options.data, *how)
    if info is not None:
        assays = assays.with_info(info)
    curves = options.output / "tensorboard" if options.tensorboard else None
    with _stop_on_interrupt() as stop:
        best = train_run(
            recipe,
            assays,
            read_assays(options.valid, *how) if options.valid else None,
            options.output,
            test=read_held_out(options.test, *how) if options.test else None,
            init=load_model(options.init, trust_code=options.trust_code) if options.init else None,
            resume=options.resume,
            device=pick_device(options.device),
            progress=_shower(steps, curves),
            stop=stop,
        )
    say(f"done: valid ΔAUPRC {best:.3f}, model in {options.output}")


def _shower(n_steps: int, curves: Path | None) -> Callable[[Progress | Epoch], None]:
    from molmeta.training.pretrain import Epoch
    from molmeta.training.tensorboard import tensorboard

    leads = os.environ.get("RANK", "0") == "0"  # torchrun starts several
    draw = tensorboard(curves) if curves and leads else None

    def show(row: Progress | Epoch) -> None:
        if draw:
            draw(row)
        if isinstance(row, Epoch):
            left = (row.of - row.number) * row.seconds / 60
            say(f"pre-training {row.number}/{row.of}  loss {row.loss:.4f}  {left:.1f} min left")
            return
        left = (n_steps - row.step) * row.seconds / row.step
        message = (
            f"step {row.step}/{n_steps}  loss {row.loss:.4f}  "
            f"{row.episodes_per_second:.0f} episodes/s  {left / 60:.1f} min left"
        )
        if not math.isnan(row.valid_delta_auprc):
            message += f"  valid ΔAUPRC {row.valid_delta_auprc:.4f} (best {row.best:.4f})"
        if row.skipped:
            message += f"  {row.skipped} steps skipped, not finite"
        say(message)

    return show


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
