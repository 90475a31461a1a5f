"""Training curves for TensorBoard, by option."""

import math
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from molmeta.errors import InputError
from molmeta.training.pretrain import Epoch
from molmeta.training.progress import Progress


def tensorboard(folder: Path) -> Callable[[Progress | Epoch], None]:
    """Make a progress display that writes what it is shown as scalars for TensorBoard.

    Nothing is written before the first row; a resumed run replaces what comes after its step.

    Args:
        folder: Gets the folders `pretraining` and `training`.

    Raises:
        InputError: If the package is not installed.
    """
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        raise InputError.of(
            "option --tensorboard",
            got="no package tensorboard",
            fix="pip install 'molmeta[tensorboard]'",
        ) from None
    writers: dict[str, SummaryWriter] = {}

    def show(row: Progress | Epoch) -> None:
        kind, step = (
            ("pretraining", row.number) if isinstance(row, Epoch) else ("training", row.step)
        )
        if kind not in writers:
            writers[kind] = SummaryWriter(str(folder / kind), purge_step=step)
        for name, value in asdict(row).items():
            if name not in ("number", "of", "step") and math.isfinite(value):
                writers[kind].add_scalar(name, value, step)
        writers[kind].flush()

    return show
