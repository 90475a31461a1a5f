"""GPS: message passing beside attention in every layer (Rampášek et al. 2022, arXiv:2205.12454)."""

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch_geometric.data import Batch
from torch_geometric.nn import GINEConv, GPSConv
from torch_geometric.utils import to_dense_adj

from molmeta.config import Count, CountOrNone, Fraction
from molmeta.models.encoder import ENCODERS, Encoder
from molmeta.models.encoders.embedding import AtomEmbedding, BondEmbedding
from molmeta.models.encoders.jumping import Jumping, JumpingKnowledge
from molmeta.models.encoders.readout import Readout, Readouts
from molmeta.models.encoders.residual import mlp, share_of_width


@ENCODERS.register("gps")
class GPS(Encoder):
    """Molecular graphs → one vector a molecule, by a graph transformer.

    Every layer adds a GINE convolution over bonds and multi-head attention over all atoms of the
    same molecule, then an MLP; each is followed by a node-wise LayerNorm. Atoms know where they
    stand by the probabilities that a random walk has returned after 2, 3, … steps. Attention is
    computed by its formula: fused kernels have no second derivative, which MAML needs.

    >>> from molmeta.models import GPS
    >>> GPS(dim=8, layers=1, heads=2, readout=("sum", "max")).columns
    Columns(vector=16)

    Args:
        dim: Width of atoms, and of the molecule's vector for each read-out.
        layers: Number of layers.
        heads: Attention heads, which share `dim` between them.
        walks: Number of return probabilities; 0 for none.
        dropout: Probability of dropping an update's entries in training.
        jumping: Which layers' atoms are read out.
        readout: How atoms become a molecule; several are concatenated.

    Attributes:
        dim: Width of a molecule's vector.

    Raises:
        InputError: If `heads` does not divide `dim`.
    """

    def __init__(
        self,
        *,
        dim: Count = 128,
        layers: CountOrNone = 5,
        heads: Count = 4,
        walks: CountOrNone = 8,
        dropout: Fraction = 0.0,
        jumping: Jumping = "last",
        readout: Readouts = "sum",
    ) -> None:
        super().__init__()
        share_of_width(dim, heads, "heads")
        self.walks = walks
        self.atoms = AtomEmbedding(dim)
        self.places = nn.Linear(walks, dim, bias=False) if walks else None
        self.bonds = nn.ModuleList([BondEmbedding(dim) for _ in range(layers)])
        self.layers = nn.ModuleList([_layer(dim, heads, dropout) for _ in range(layers)])
        self.jumping = JumpingKnowledge(dim, layers, jumping)
        self.final_norm = nn.LayerNorm(dim)
        self.readout = Readout(dim, readout)
        self.dim = self.readout.dim

    def forward(self, batch: Batch) -> Tensor:
        """Encode a batch of n molecules → (n, dim)."""
        x = self.atoms(batch)
        if self.places is not None:
            x = x + self.places(return_probabilities(batch, self.walks).to(x.dtype))
        states = [x]
        for bonds, layer in zip(self.bonds, self.layers, strict=True):
            if len(x):  # attention cannot be laid out for no atom at all
                with sdpa_kernel(SDPBackend.MATH):
                    x = layer(x, batch.edge_index, batch.batch, edge_attr=bonds(batch))
            states.append(x)
        pooled: Tensor = self.readout(self.final_norm(self.jumping(states)), batch)
        return pooled


@torch.no_grad()
def return_probabilities(batch: Batch, n: int) -> Tensor:
    """Compute how probably a random walk from each atom is back after 2, 3, …, n + 1 steps.

    Dwivedi et al. 2022, arXiv:2110.07875, section 3.2. An atom without bonds never returns.

    Returns:
        Shape (n_atoms, n), float32.
    """
    starts = batch.ptr[:-1]
    widest = int(batch.ptr.diff().max()) if len(starts) else 0
    if not widest:
        return torch.zeros(0, n, device=batch.ptr.device)
    bonded = to_dense_adj(
        batch.edge_index, batch.batch, max_num_nodes=widest, batch_size=len(starts)
    )
    step = bonded / bonded.sum(-1, keepdim=True).clamp(min=1)
    places = torch.arange(len(batch.batch), device=starts.device) - starts[batch.batch]
    walk, returns = step, []
    for _ in range(n):
        walk = walk @ step
        returns.append(walk.diagonal(dim1=-2, dim2=-1)[batch.batch, places])
    return torch.stack(returns, dim=-1)


def _layer(dim: int, heads: int, dropout: float) -> GPSConv:
    return GPSConv(
        dim,
        GINEConv(mlp(dim)),
        heads=heads,
        dropout=dropout,
        act="silu",
        norm="layer_norm",
        norm_kwargs={"mode": "node"},  # torch_geometric's default mode normalises whole graphs
    )
