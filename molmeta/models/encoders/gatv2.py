"""GATv2: dynamic attention over an atom's neighbours (Brody et al. 2022, arXiv:2105.14491)."""

from torch import Tensor, nn
from torch.nn import functional
from torch_geometric.nn import GATv2Conv

from molmeta.config import Count, CountOrNone, Fraction
from molmeta.models.encoder import ENCODERS
from molmeta.models.encoders.jumping import Jumping
from molmeta.models.encoders.readout import Readouts
from molmeta.models.encoders.residual import ResidualEncoder, share_of_width


@ENCODERS.register("gatv2")
class GATv2(ResidualEncoder):
    """Residual blocks of x_v ← x_v + W silu(Σ_u α_uv V h_u), h the normalised atoms.

    α is the softmax over v's neighbours of a · leaky_relu(K h_u + Q h_v + E e_uv), for each head.
    An atom does not attend to itself: the residual path carries its own state.

    >>> from molmeta.models import GATv2
    >>> GATv2(dim=8, layers=1, heads=2, readout=("sum", "max")).columns
    Columns(vector=16)

    Args:
        dim: Width of atoms, and of the molecule's vector for each read-out.
        layers: Number of message-passing layers.
        heads: Attention heads, which share `dim` between them.
        dropout: Probability of dropping an update's entries in training.
        jumping: Which layers' atoms are read out.
        readout: How atoms become a molecule; several are concatenated.

    Raises:
        InputError: If `heads` does not divide `dim`.
    """

    def __init__(
        self,
        *,
        dim: Count = 128,
        layers: CountOrNone = 5,
        heads: Count = 4,
        dropout: Fraction = 0.0,
        jumping: Jumping = "last",
        readout: Readouts = "sum",
    ) -> None:
        share_of_width(dim, heads, "heads")
        super().__init__(
            dim,
            layers,
            lambda: _AttentionLayer(dim, heads),
            dropout=dropout,
            jumping=jumping,
            readout=readout,
        )


class _AttentionLayer(nn.Module):
    """GATv2's sum is linear in the neighbours' values; what follows makes the update non-linear."""

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.attend = GATv2Conv(
            dim, share_of_width(dim, heads, "heads"), heads, edge_dim=dim, add_self_loops=False
        )
        self.out = nn.Linear(dim, dim)

    def forward(self, x: Tensor, edge_index: Tensor, bonds: Tensor) -> Tensor:
        update: Tensor = self.out(functional.silu(self.attend(x, edge_index, bonds)))
        return update
