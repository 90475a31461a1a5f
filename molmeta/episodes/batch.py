"""From flat arrays of graphs to the batches that encoders read."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch_geometric.data import Batch

from molmeta.assays.store import Assay
from molmeta.chem.graph import Graphs
from molmeta.episodes.draw import Draw
from molmeta.episodes.episode import Episode, LabelledSet


def collate(
    graphs: Graphs, indices: NDArray[np.int64], device: str | torch.device = "cpu"
) -> Batch:
    """The graphs at `indices` as one torch_geometric batch.

    `x`, `edge_index`, `edge_attr`, `batch` and `ptr` equal those of torch_geometric's
    `Batch.from_data_list` over `from_smiles`. Beside them stand the distinct atom and bond rows
    and each atom's and bond's code into them, so that an encoder embeds some 140 rows instead of
    every atom.

    Args:
        graphs: Any number of molecules.
        indices: Shape (n,); repeats are allowed.
        device: Where the tensors go.
    """
    dense = graphs.dense(indices)
    tensors = {
        name: torch.from_numpy(np.ascontiguousarray(getattr(dense, name)))
        for name in ("x", "edge_index", "edge_attr", "batch", "ptr", "atom_codes", "bond_codes")
    }
    tensors["atom_rows"] = torch.from_numpy(graphs.atom_rows.astype(np.int64))
    tensors["bond_rows"] = torch.from_numpy(graphs.bond_rows.astype(np.int64))
    return Batch(**{name: tensor.to(device) for name, tensor in tensors.items()})


def make_episode(
    graphs: Graphs, assay: Assay, draw: Draw, device: str | torch.device = "cpu"
) -> Episode:
    """The episode of `draw`, whose indices are rows of `assay`."""
    support, query = (
        LabelledSet(
            collate(graphs, assay.molecules[rows], device),
            torch.from_numpy(assay.labels[rows]).to(device),
        )
        for rows in (draw.support, draw.query)
    )
    return Episode(assay.id, support, query)
