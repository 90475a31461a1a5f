"""Embedding many molecules with a fixed encoder, chunk by chunk."""

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch_geometric.data import Batch

from molmeta.episodes.batch import Molecules, make_batch
from molmeta.models.encoder import Encoder

_MOST = 1024  # which an accelerator computes in hardly more time than a few


@torch.no_grad()
def embed(
    encoder: Encoder,
    molecules: Molecules,
    indices: NDArray[np.int64] | None = None,
    *,
    device: str | torch.device = "cpu",
) -> Tensor:
    """Embed the molecules at `indices` (all by default), shape (n, dim).

    A molecule's vector does not depend on the others. The result is on the CPU.
    """
    indices = np.arange(len(molecules.graphs)) if indices is None else indices
    return torch.cat(
        [encoder(batch).cpu() for batch in batches(encoder, molecules, indices, device)]
    )


def batches(
    encoder: Encoder,
    molecules: Molecules,
    indices: NDArray[np.int64],
    device: str | torch.device = "cpu",
) -> Iterator[Batch]:
    """Cut the molecules at `indices` into batches of a good size, as the encoder reads them."""
    on_cpu = torch.device(device).type == "cpu"
    size = encoder.at_once if on_cpu and "graphs" in encoder.reads else _MOST
    for start in range(0, max(len(indices), 1), size):
        yield make_batch(molecules, indices[start : start + size], encoder.reads, device)
