"""The device of tensors, and the precision of their products."""

import os
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import nn

from molmeta.errors import InputError


def pick_device(name: str) -> torch.device:
    """Pick the device of that name; `auto` takes an accelerator where there is one.

    Raises:
        InputError: If there is no such device here.
    """
    if name == "auto":
        # torchrun numbers the processes of a machine: each takes a GPU of its own.
        number = int(os.environ.get("LOCAL_RANK", "0"))
        return torch.device("cuda", number) if torch.cuda.is_available() else torch.device("cpu")
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise InputError.of(
            f"device {name!r} cannot be used ({reason})", expected="auto, cpu, cuda or cuda:N"
        ) from None
    return device


def half_precision(module: nn.Module, wanted: bool) -> AbstractContextManager[object]:
    """Open a context in which a module's matrix products are in bfloat16, if that is wanted."""
    if not wanted:
        return nullcontext()
    return torch.autocast(next(module.parameters()).device.type, torch.bfloat16)
