"""Tensors on disk: weights, and the states from which training resumes; nothing is pickled."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from safetensors.torch import save as as_bytes
from torch import Tensor
from torch.optim import Optimizer

from molmeta.errors import InputError
from molmeta.resources import room_told, write_atomically

SavedState = tuple[dict[str, Tensor], dict[str, Any]]
"""A training state: tensors by name, and plain values."""


def save_tensors(file: Path, tensors: Mapping[str, Tensor]) -> None:
    """Write tensors by name to a safetensors file, whole or not at all."""
    with write_atomically(file) as temporary:
        temporary.write_bytes(as_bytes(_on_cpu(tensors)))  # its own errors tell no full disk


def load_tensors(file: Path) -> dict[str, Tensor]:
    """Tensors by name from a safetensors file.

    Raises:
        InputError: If the file is missing, truncated or something else.
    """
    try:
        tensors: dict[str, Tensor] = load_file(file)
    except (OSError, SafetensorError, ValueError) as error:
        raise InputError.of(
            f"weights {file}",
            got=f"a file that cannot be read ({error})",
            expected="a whole safetensors file",
            fix="Copy or train the model again.",
        ) from None
    return tensors


def fingerprint(tensors: Mapping[str, Tensor]) -> Tensor:
    """A hash of names and values, shape (32,) uint8."""
    digest = hashlib.sha256()
    for name, tensor in sorted(_on_cpu(tensors).items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.flatten().view(torch.uint8).numpy().tobytes())
    return torch.tensor(list(digest.digest()), dtype=torch.uint8)


def save_state(run: Path, step: int, tensors: Mapping[str, Tensor], state: object) -> None:
    """Write the training state after `step` steps; it counts only once it is complete."""
    folder = run / "checkpoints"
    target, temporary = folder / f"step-{step}", folder / f"step-{step}.tmp"
    shutil.rmtree(temporary, ignore_errors=True)
    with room_told(target):
        temporary.mkdir(parents=True)
        (temporary / "state.safetensors").write_bytes(as_bytes(_on_cpu(tensors)))
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
    """The latest complete training state: tensors and values; None if there is none.

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
    """An optimiser's moments, under `optimizer.number.name`."""
    return {
        f"optimizer.{number}.{name}": tensor
        for number, moments in optimizer.state_dict()["state"].items()
        for name, tensor in moments.items()
    }


def damaged_state(run: Path, reason: object) -> InputError:
    """The error for a saved state from which training cannot go on."""
    return InputError.of(
        f"saved state in {run / 'checkpoints'}",
        got=f"something that training cannot go on from ({str(reason)[:200]})",
        fix="Start again in a new folder, or remove `checkpoints` to begin this run anew.",
    )


def _on_cpu(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
