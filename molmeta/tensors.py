"""Named tensors: in a file, as a digest, by prefix; nothing is pickled."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from safetensors.torch import save as as_bytes
from torch import Tensor

from molmeta.errors import InputError
from molmeta.resources import write_atomically


def save_tensors(
    file: Path, tensors: Mapping[str, Tensor], header: Mapping[str, str] | None = None
) -> None:
    """Write tensors by name to a safetensors file, with texts in its header; whole or not at all.

    >>> save_tensors(Path("weights.safetensors"), {"scale": torch.ones(2)})
    >>> load_tensors(Path("weights.safetensors"))
    {'scale': tensor([1., 1.])}
    """
    with write_atomically(file) as temporary:
        content = as_bytes(on_cpu(tensors), None if header is None else dict(header))
        temporary.write_bytes(content)  # its own errors tell no full disk


def load_tensors(file: Path) -> dict[str, Tensor]:
    """Read tensors by name from a safetensors file.

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


def digest_tensors(tensors: Mapping[str, Tensor]) -> Tensor:
    """Digest names and values (SHA-256), shape (32,) uint8.

    >>> digest_tensors({"scale": torch.ones(2)}).shape
    torch.Size([32])
    """
    digest = hashlib.sha256()
    for name, tensor in sorted(on_cpu(tensors).items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.flatten().view(torch.uint8).numpy().tobytes())
    return torch.tensor(list(digest.digest()), dtype=torch.uint8)


def under(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Select the tensors whose names begin with `prefix`, and take it off.

    >>> list(under("head.", {"head.scale": torch.ones(1), "encoder.bias": torch.ones(1)}))
    ['scale']
    """
    return {
        name.removeprefix(prefix): value
        for name, value in tensors.items()
        if name.startswith(prefix)
    }


def on_cpu(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Copy tensors to the CPU, contiguous and detached, as files hold them."""
    return {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
