"""GINE: graph isomorphism network with edge features (Hu et al. 2020, arXiv:1905.12265)."""

from __future__ import annotations

from typing import Literal

from torch import Tensor, nn
from torch_geometric.data import Batch
from torch_geometric.nn import GINEConv, MeanAggregation, SumAggregation

from molmeta.config import Count, CountOrNone, Fraction
from molmeta.models.encoders.embedding import AtomEmbedding, BondEmbedding
from molmeta.models.registry import ENCODERS


@ENCODERS.register("gine")
class GINE(nn.Module):
    """Molecular graphs → one vector a molecule.

    Each of `layers` residual blocks updates the atoms: with h the normalised atoms,
    x_v ← x_v + MLP(h_v + Σ_u relu(h_u + e_uv)). Normalisation is a node-wise LayerNorm, so that
    no molecule's vector depends on the others in its batch. The read-out is the atoms' sum
    (scaled by 1/20, about the size of a drug) or their mean.

    Args:
        dim: Width of atoms and of the molecule's vector.
        layers: Number of message-passing layers.
        dropout: Probability of dropping an update's entries in training.
        readout: How atoms become a molecule.
    """

    def __init__(
        self,
        *,
        dim: Count = 128,
        layers: CountOrNone = 5,
        dropout: Fraction = 0.0,
        readout: Literal["sum", "mean"] = "sum",
    ) -> None:
        super().__init__()
        self.dim = dim
        self.atoms = AtomEmbedding(dim)
        self.bonds = nn.ModuleList([BondEmbedding(dim) for _ in range(layers)])
        self.norms = nn.ModuleList([nn.LayerNorm(dim) for _ in range(layers)])
        self.convolutions = nn.ModuleList([GINEConv(_mlp(dim)) for _ in range(layers)])
        self.dropout = nn.Dropout(dropout)
        self.final_norm = nn.LayerNorm(dim)
        self.readout = SumAggregation() if readout == "sum" else MeanAggregation()
        self._readout_scale = 1 / 20 if readout == "sum" else 1.0

    def forward(self, batch: Batch) -> Tensor:
        """Encode a batch of n molecules → (n, dim)."""
        x = self.atoms(batch)
        for bonds, norm, convolution in zip(self.bonds, self.norms, self.convolutions, strict=True):
            update = convolution(norm(x), batch.edge_index, bonds(batch))
            x = x + self.dropout(update)
        x = self.final_norm(x) * self._readout_scale
        pooled: Tensor = self.readout(x, batch.batch, dim_size=batch.num_graphs)
        return pooled


def _mlp(dim: int) -> nn.Module:
    return nn.Sequential(nn.Linear(dim, dim), nn.SiLU(), nn.Linear(dim, dim))
