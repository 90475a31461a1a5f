"""The states from which training resumes, in a run folder's `checkpoints/`."""

import json
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from textwrap import shorten
from typing import Any

from safetensors.torch import save as as_bytes
from torch import Tensor
from torch.optim import Optimizer

from molmeta.errors import InputError
from molmeta.resources import write_atomically, writing
from molmeta.tensors import load_tensors, on_cpu

SavedState = tuple[dict[str, Tensor], dict[str, Any]]
"""A training state: tensors by name, and plain values."""


def save_state(run: Path, step: int, tensors: Mapping[str, Tensor], state: object) -> None:
    """Write the training state after `step` steps; it counts only once it is complete."""
    folder = run / "checkpoints"
    target, temporary = folder / f"step-{step}", folder / f"step-{step}.tmp"
    shutil.rmtree(temporary, ignore_errors=True)
    with writing(target):
        temporary.mkdir(parents=True)
        (temporary / "state.safetensors").write_bytes(as_bytes(on_cpu(tensors)))
        (temporary / "state.json").write_text(json.dumps(state), encoding="utf-8")
    if target.exists():  # complete already: written before a kill, by the same steps
        shutil.rmtree(temporary)
    else:
        temporary.rename(target)
    with write_atomically(folder / "latest") as pointer:
        pointer.write_text(target.name, encoding="utf-8")
    for old in folder.glob("step-*"):
        if old != target:
            shutil.rmtree(old, ignore_errors=True)


def load_state(run: Path) -> SavedState | None:
    """Read the latest complete training state: tensors and values; None if there is none.

    Raises:
        InputError: If it is damaged.
    """
    pointer = run / "checkpoints" / "latest"
    if not pointer.is_file():
        return None
    try:
        name = pointer.read_text(encoding="utf-8").strip()
        if not re.fullmatch(r"step-\d+", name):
            raise ValueError(f"a pointer to {name!r}")
        folder = run / "checkpoints" / name
        tensors = load_tensors(folder / "state.safetensors")
        values = json.loads((folder / "state.json").read_text(encoding="utf-8"))
    except (OSError, ValueError, InputError) as error:
        raise damaged_state(run, error) from None
    if not isinstance(values, dict):
        raise damaged_state(run, f"{type(values).__name__} instead of a mapping")
    return tensors, values


def load_moments(optimizer: Optimizer, tensors: Mapping[str, Tensor]) -> None:
    """Give an optimiser its moments back, saved under `number.name`.

    Raises:
        ValueError: If they are another optimiser's.
    """
    moments: dict[int, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        number, _, key = name.partition(".")
        moments.setdefault(int(number), {})[key] = tensor
    groups = optimizer.state_dict()["param_groups"]
    optimizer.load_state_dict({"state": moments, "param_groups": groups})


def moments_of(optimizer: Optimizer) -> dict[str, Tensor]:
    """Name an optimiser's moments `optimizer.number.name`."""
    return {
        f"optimizer.{number}.{name}": tensor
        for number, moments in optimizer.state_dict()["state"].items()
        for name, tensor in moments.items()
    }


def damaged_state(run: Path, reason: object) -> InputError:
    """Make the error for a saved state from which training cannot go on."""
    why = shorten(str(reason), 200, placeholder=" …")
    return InputError.of(
        f"saved state in {run / 'checkpoints'}",
        got=f"something that training cannot go on from ({why})",
        fix="Start again in a new folder, or remove `checkpoints` to begin this run anew.",
    )
