"""PNA: principal neighbourhood aggregation (Corso et al. 2020, arXiv:2004.05718)."""

import torch
from torch_geometric.nn import PNAConv

from molmeta.config import Count, CountOrNone, Fraction
from molmeta.errors import InputError
from molmeta.models.encoder import ENCODERS
from molmeta.models.encoders.jumping import Jumping
from molmeta.models.encoders.readout import Readouts
from molmeta.models.encoders.residual import ResidualEncoder, share_of_width

FSMOL_DEGREES = (0, 161, 511, 312, 16)
"""Of 1,000 atoms, those with 0, 1, 2, … bonded heavy atoms: 20,000 molecules drawn from FS-Mol's
207,223 distinct training molecules (559 thousand atoms)."""


@ENCODERS.register("pna")
class PNA(ResidualEncoder):
    """Residual blocks of x_v ← x_v + U(h_v, ⊕_u M(h_v, h_u, e_uv)), h the normalised atoms.

    ⊕ is the mean, minimum, maximum and standard deviation over v's neighbours, each as it is and
    scaled up and down by the logarithm of v's degree relative to the usual one.

    >>> from molmeta.models import PNA
    >>> PNA(dim=8, layers=1, towers=2, readout=("sum", "max")).columns
    Columns(vector=16)

    Args:
        dim: Width of atoms, and of the molecule's vector for each read-out.
        layers: Number of message-passing layers.
        towers: Separate aggregations, which share `dim` between them.
        degrees: How many atoms have 0, 1, 2, … neighbours in the molecules at hand, in any unit;
            it sets the usual degree alone. By default FS-Mol's training molecules.
        dropout: Probability of dropping an update's entries in training.
        jumping: Which layers' atoms are read out.
        readout: How atoms become a molecule; several are concatenated.

    Raises:
        InputError: If `towers` does not divide `dim`, or `degrees` counts no bonded atom.
    """

    def __init__(
        self,
        *,
        dim: Count = 128,
        layers: CountOrNone = 5,
        towers: Count = 4,
        degrees: tuple[CountOrNone, ...] = FSMOL_DEGREES,
        dropout: Fraction = 0.0,
        jumping: Jumping = "last",
        readout: Readouts = "sum",
    ) -> None:
        share_of_width(dim, towers, "towers")
        if sum(degrees[1:]) < 1:
            raise InputError.of(
                "encoder.degrees", got=str(degrees), expected="counts of atoms of degree 0, 1, 2, …"
            )
        super().__init__(
            dim,
            layers,
            lambda: PNAConv(
                dim,
                dim,
                ["mean", "min", "max", "std"],
                ["identity", "amplification", "attenuation"],
                torch.tensor(degrees),
                edge_dim=dim,
                towers=towers,
                post_layers=2,
                divide_input=True,
                act="silu",
            ),
            dropout=dropout,
            jumping=jumping,
            readout=readout,
        )
