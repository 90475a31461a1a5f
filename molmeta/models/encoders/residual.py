"""The base of most encoders: residual message passing on atoms, from embedding to read-out."""

from collections.abc import Callable

from torch import Tensor, nn
from torch_geometric.data import Batch

from molmeta.errors import InputError
from molmeta.models.encoder import Encoder
from molmeta.models.encoders.embedding import AtomEmbedding, BondEmbedding
from molmeta.models.encoders.jumping import Jumping, JumpingKnowledge
from molmeta.models.encoders.readout import Readout, Readouts


class ResidualEncoder(Encoder):
    """Molecular graphs → one vector a molecule, by residual blocks around any convolution.

    Each block updates the atoms: with h their node-wise LayerNorm, x ← x + convolution(h, bonds).
    No normalisation sees more than one atom, so that no molecule's vector depends on the others
    in its batch.

    Args:
        dim: Width of an atom's vector.
        layers: Number of blocks.
        convolution: Makes the convolution of one block: a torch_geometric layer called with atoms
            (n_atoms, dim), `edge_index` (2, n_edges) and bonds (n_edges, dim).
        dropout: Probability of dropping an update's entries in training.
        jumping: Which blocks' atoms are read out.
        readout: How atoms become a molecule; several are concatenated.

    Attributes:
        dim: Width of a molecule's vector.
    """

    def __init__(
        self,
        dim: int,
        layers: int,
        convolution: Callable[[], nn.Module],
        *,
        dropout: float,
        jumping: Jumping,
        readout: Readouts,
    ) -> None:
        super().__init__()
        self.atoms = AtomEmbedding(dim)
        self.bonds = nn.ModuleList([BondEmbedding(dim) for _ in range(layers)])
        self.norms = nn.ModuleList([nn.LayerNorm(dim) for _ in range(layers)])
        self.convolutions = nn.ModuleList([convolution() for _ in range(layers)])
        self.dropout = nn.Dropout(dropout)
        self.jumping = JumpingKnowledge(dim, layers, jumping)
        self.final_norm = nn.LayerNorm(dim)
        self.readout = Readout(dim, readout)
        self.dim = self.readout.dim

    def forward(self, batch: Batch) -> Tensor:
        """Encode a batch of n molecules → (n, dim)."""
        x = self.atoms(batch)
        states = [x]
        for bonds, norm, convolution in zip(self.bonds, self.norms, self.convolutions, strict=True):
            x = x + self.dropout(convolution(norm(x), batch.edge_index, bonds(batch)))
            states.append(x)
        pooled: Tensor = self.readout(self.final_norm(self.jumping(states)), batch)
        return pooled


def mlp(dim: int) -> nn.Module:
    """Make two linear layers of width `dim` with a smooth activation between."""
    return nn.Sequential(nn.Linear(dim, dim), nn.SiLU(), nn.Linear(dim, dim))


def share_of_width(dim: int, parts: int, name: str) -> int:
    """Compute the width of each of `parts` heads or towers that share `dim`.

    Args:
        dim: The whole width.
        parts: How many share it.
        name: Of the encoder's argument, for the message.

    Raises:
        InputError: If `parts` does not divide `dim`.
    """
    if dim % parts:
        raise InputError.of(
            f"encoder.{name}", got=f"{parts} for a width of {dim}", expected="a divisor of `dim`"
        )
    return dim // parts
