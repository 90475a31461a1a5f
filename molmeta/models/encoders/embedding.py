"""Atom and bond embeddings: the sum of one learned vector a categorical feature."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch_geometric.data import Batch
from torch_geometric.utils.smiles import e_map, x_map

_ATOM_SIZES = [len(values) for values in x_map.values()]
_BOND_SIZES = [len(values) for values in e_map.values()]


class CategoryEmbedding(nn.Module):
    """Rows of k categorical features → the sum of their k learned vectors.

    Args:
        sizes: The number of values of each of the k features.
        dim: The width of the result.
    """

    offsets: Tensor

    def __init__(self, sizes: list[int], dim: int) -> None:
        super().__init__()
        starts = torch.tensor([0, *sizes[:-1]]).cumsum(0)
        self.register_buffer("offsets", starts, persistent=False)
        # k vectors are summed: this scale gives the sum unit variance.
        self.weight = nn.Parameter(torch.randn(sum(sizes), dim) / len(sizes) ** 0.5)

    def forward(self, rows: Tensor) -> Tensor:
        """Embed `rows`, shape (n, k) → (n, dim)."""
        return functional.embedding(rows + self.offsets, self.weight).sum(1)


class AtomEmbedding(CategoryEmbedding):
    """The nine atom features of torch_geometric's `from_smiles` → (n_atoms, dim)."""

    def __init__(self, dim: int) -> None:
        super().__init__(_ATOM_SIZES, dim)

    def embed(self, batch: Batch) -> Tensor:
        """The atoms of a batch; by its distinct rows where it carries them."""
        if "atom_codes" not in batch:
            embedded: Tensor = self(batch.x)
            return embedded
        return self(batch.atom_rows).index_select(0, batch.atom_codes)  # type: ignore[no-any-return]


class BondEmbedding(CategoryEmbedding):
    """The three bond features of torch_geometric's `from_smiles` → (n_edges, dim)."""

    def __init__(self, dim: int) -> None:
        super().__init__(_BOND_SIZES, dim)

    def embed(self, batch: Batch) -> Tensor:
        """The directed edges of a batch; by its distinct rows where it carries them."""
        if "bond_codes" not in batch:
            embedded: Tensor = self(batch.edge_attr)
            return embedded
        return self(batch.bond_rows).index_select(0, batch.bond_codes)  # type: ignore[no-any-return]
