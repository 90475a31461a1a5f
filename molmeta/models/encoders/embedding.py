"""Atom and bond embeddings: the sum of one learned vector a categorical feature."""

from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch_geometric.data import Batch

from molmeta.chem.atoms import ATOM_SIZES, BOND_SIZES


class _CategoryEmbedding(nn.Module):
    """Rows of k categorical features → the sum of their k learned vectors."""

    sizes: ClassVar[Sequence[int]]
    kind: ClassVar[str]  # a batch's distinct rows are KIND_rows, the codes into them KIND_codes
    plain: ClassVar[str]  # what torch_geometric calls all rows
    offsets: Tensor

    def __init__(self, dim: int) -> None:
        super().__init__()
        starts = torch.tensor([0, *self.sizes[:-1]]).cumsum(0)
        self.register_buffer("offsets", starts, persistent=False)
        # k vectors are summed: this scale gives the sum unit variance.
        self.weight = nn.Parameter(torch.randn(sum(self.sizes), dim) / len(self.sizes) ** 0.5)

    def forward(self, batch: Batch, chosen: Tensor | None = None) -> Tensor:
        """Embed rows of a batch, by default all; by its distinct rows where it carries them."""
        if f"{self.kind}_codes" not in batch:
            return self._embed(_chosen(batch[self.plain], chosen))
        codes = _chosen(batch[f"{self.kind}_codes"], chosen)
        return self._embed(batch[f"{self.kind}_rows"]).index_select(0, codes)

    def _embed(self, rows: Tensor) -> Tensor:
        """Embed `rows`, shape (n, k) → (n, dim)."""
        return functional.embedding(rows + self.offsets, self.weight).sum(1)


class AtomEmbedding(_CategoryEmbedding):
    """The nine atom features of torch_geometric's `from_smiles` → (n_atoms, dim).

    >>> import numpy as np
    >>> from molmeta.chem.featurize import featurize
    >>> from molmeta.episodes.batch import make_batch
    >>> ethanol = make_batch(featurize(["CCO"]), np.array([0]))
    >>> AtomEmbedding(8)(ethanol).shape
    torch.Size([3, 8])

    Args:
        dim: Width of an atom's vector.
    """

    sizes, kind, plain = ATOM_SIZES, "atom", "x"


class BondEmbedding(_CategoryEmbedding):
    """The three bond features of torch_geometric's `from_smiles` → (n_edges, dim).

    >>> import numpy as np
    >>> from molmeta.chem.featurize import featurize
    >>> from molmeta.episodes.batch import make_batch
    >>> ethanol = make_batch(featurize(["CCO"]), np.array([0]))
    >>> BondEmbedding(8)(ethanol).shape
    torch.Size([4, 8])

    Args:
        dim: Width of a directed edge's vector.
    """

    sizes, kind, plain = BOND_SIZES, "bond", "edge_attr"


def _chosen(rows: Tensor, positions: Tensor | None) -> Tensor:
    """Take the rows at some positions, or all."""
    return rows if positions is None else rows.index_select(0, positions)
