"""GINE: graph isomorphism network with edge features (Hu et al. 2020, arXiv:1905.12265)."""

from torch_geometric.nn import GINEConv

from molmeta.config import Count, CountOrNone, Fraction
from molmeta.models.encoder import ENCODERS
from molmeta.models.encoders.jumping import Jumping
from molmeta.models.encoders.readout import Readouts
from molmeta.models.encoders.residual import ResidualEncoder, mlp


@ENCODERS.register("gine")
class GINE(ResidualEncoder):
    """Residual blocks of x_v ← x_v + MLP(h_v + Σ_u relu(h_u + e_uv)), h the normalised atoms.

    >>> import numpy as np
    >>> from molmeta.chem.featurize import featurize
    >>> from molmeta.episodes.batch import make_batch
    >>> from molmeta.models import GINE
    >>> batch = make_batch(featurize(["CCO", "c1ccccc1"]), np.arange(2))
    >>> GINE(dim=8, layers=2)(batch).shape
    torch.Size([2, 8])

    Args:
        dim: Width of atoms, and of the molecule's vector for each read-out.
        layers: Number of message-passing layers.
        dropout: Probability of dropping an update's entries in training.
        jumping: Which layers' atoms are read out.
        readout: How atoms become a molecule; several are concatenated.
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
        super().__init__(
            dim,
            layers,
            lambda: GINEConv(mlp(dim)),
            dropout=dropout,
            jumping=jumping,
            readout=readout,
        )
