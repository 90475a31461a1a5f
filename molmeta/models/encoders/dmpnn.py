"""D-MPNN: messages on directed bonds (Yang et al. 2019, arXiv:1904.01561)."""

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch_geometric.data import Batch
from torch_geometric.nn import SumAggregation

from molmeta.config import Count, CountOrNone, Fraction
from molmeta.models.encoder import ENCODERS, Encoder
from molmeta.models.encoders.embedding import AtomEmbedding, BondEmbedding
from molmeta.models.encoders.jumping import Jumping, JumpingKnowledge
from molmeta.models.encoders.readout import Readout, Readouts


@ENCODERS.register("dmpnn")
class DMPNN(Encoder):
    """Molecular graphs → one vector a molecule, by states on directed bonds.

    h⁰_vw = silu(W_i [x_v, e_vw]); in every layer a bond hears from those that lead to its source,
    its own reverse excepted: h_vw ← silu(h⁰_vw + W_m Σ_{k ∈ N(v) \\ w} h_kv). One W_m serves all
    layers. An atom then is silu(W_a [x_v, Σ_k h_kv]), normalised on its own.

    >>> from molmeta.models import DMPNN
    >>> DMPNN(dim=8, layers=1, readout=("sum", "max")).columns
    Columns(vector=16)

    Args:
        dim: Width of atoms and bonds, and of the molecule's vector for each read-out.
        layers: Number of message-passing layers.
        dropout: Probability of dropping a bond's entries in training.
        jumping: Which layers' bonds reach the atoms.
        readout: How atoms become a molecule; several are concatenated.

    Attributes:
        dim: Width of a molecule's vector.
    """

    def __init__(
        self,
        *,
        dim: Count = 128,
        layers: CountOrNone = 5,
        dropout: Fraction = 0.0,
        jumping: Jumping = "last",
        readout: Readouts = "sum",
    ) -> None:
        super().__init__()
        self.layers = layers
        self.atoms = AtomEmbedding(dim)
        self.bonds = BondEmbedding(dim)
        self.start = nn.Linear(2 * dim, dim)
        self.messages = nn.Linear(dim, dim, bias=False) if layers else nn.Identity()
        self.incoming = SumAggregation()
        self.dropout = nn.Dropout(dropout)
        self.jumping = JumpingKnowledge(dim, layers, jumping)
        self.finish = nn.Linear(2 * dim, dim)
        self.final_norm = nn.LayerNorm(dim)
        self.readout = Readout(dim, readout)
        self.dim = self.readout.dim

    def forward(self, batch: Batch) -> Tensor:
        """Encode a batch of n molecules → (n, dim)."""
        x = self.atoms(batch)
        source, target = batch.edge_index
        reverse = reverse_edges(batch.edge_index, x.shape[0])
        first = self.start(torch.cat([x.index_select(0, source), self.bonds(batch)], dim=-1))
        states = [functional.silu(first)]
        for _ in range(self.layers):
            arriving = self.incoming(states[-1], target, dim_size=x.shape[0])
            heard = arriving.index_select(0, source) - states[-1].index_select(0, reverse)
            states.append(self.dropout(functional.silu(first + self.messages(heard))))
        arriving = self.incoming(self.jumping(states), target, dim_size=x.shape[0])
        atoms = functional.silu(self.finish(torch.cat([x, arriving], dim=-1)))
        pooled: Tensor = self.readout(self.final_norm(atoms), batch)
        return pooled


def reverse_edges(edge_index: Tensor, n_atoms: int) -> Tensor:
    """Find the position of each directed edge's reverse, shape (n_edges,).

    Args:
        edge_index: Source and target of each edge, shape (2, n_edges), in any order; with every
            edge its reverse, as bonds have.
        n_atoms: Number of atoms.
    """
    source, target = edge_index
    # The i-th edge by (source, target) and the i-th by (target, source) are each other's reverse.
    forward, backward = (source * n_atoms + target).argsort(), (target * n_atoms + source).argsort()
    return torch.empty_like(forward).index_copy(0, forward, backward)
