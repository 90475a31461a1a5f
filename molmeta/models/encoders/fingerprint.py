"""Fingerprints and descriptors → vectors: a residual network on what was counted in a molecule."""

import torch
from torch import Tensor, nn
from torch_geometric.data import Batch

from molmeta.chem.descriptors import DESCRIPTORS
from molmeta.chem.fingerprint import PAIRS_SIZE, SIZE
from molmeta.config import Count, CountOrNone, Fraction
from molmeta.models.columns import Columns
from molmeta.models.encoder import ENCODERS, Encoder
from molmeta.models.encoders.profiles import Profiles
from molmeta.models.encoders.properties import Properties
from molmeta.models.encoders.quantiles import QuantileScale
from molmeta.models.encoders.sketch import Sketch
from molmeta.models.sparse import SparseRows


@ENCODERS.register("fingerprint")
class FingerprintEncoder(Encoder):
    """Counted fingerprints and quantile-scaled descriptors → one vector a molecule.

    The first layer sees log(1 + count) of each environment (and of each torsion and atom pair, if
    asked for) and the descriptors' ranks among the training molecules; `layers - 1` residual blocks
    of half that width follow. Normalisation is a LayerNorm.

    >>> from molmeta.models import FingerprintEncoder
    >>> FingerprintEncoder(dim=8, hidden=16, sketch=4).columns
    Columns(vector=8, sketch=4)

    Args:
        dim: Width of the molecule's vector, without what stands beside it.
        hidden: Width in between.
        layers: Hidden layers.
        dropout: Probability of dropping a hidden unit in training.
        input_dropout: Probability of dropping an environment, torsion or pair in training.
        sketch: Columns of a fingerprint sketch (`Sketch`) beside the vector; 0 for none.
        profile: Columns of activity profiles (`Profiles`) beside it; 0 for none.
        profile_sketch: How many of them, the last ones, are for molecules of few labels.
        properties: Columns of physical properties (`Properties`) beside it; 0 for none.
        pairs: Whether torsions and atom pairs are read too.

    Attributes:
        reads: What it reads of a molecule; `pairs` only where they are asked for.
        dim: Width of the molecule's vector with sketch, profile and properties, in this order.
    """

    reads = frozenset({"fingerprints", "descriptors"})

    def __init__(
        self,
        *,
        dim: Count = 512,
        hidden: Count = 1024,
        layers: Count = 1,
        dropout: Fraction = 0.2,
        input_dropout: Fraction = 0.0,
        sketch: CountOrNone = 0,
        profile: CountOrNone = 0,
        profile_sketch: CountOrNone = 0,
        properties: CountOrNone = 0,
        pairs: bool = False,
    ) -> None:
        super().__init__()
        self._columns = Columns(vector=dim, sketch=sketch, profile=profile, properties=properties)
        self.dim = self._columns.dim
        # Some 50 environments a molecule: their sum has about unit variance.
        self.environments = nn.Parameter(torch.randn(SIZE, hidden) * 0.03)
        self.scale = QuantileScale(len(DESCRIPTORS))
        self.descriptors = nn.Linear(len(DESCRIPTORS), hidden)
        self.norm = nn.LayerNorm(hidden)
        self.dropout = nn.Dropout(dropout)
        self.input_dropout = nn.Dropout(input_dropout)
        self.blocks = nn.ModuleList([_block(hidden, dropout) for _ in range(layers - 1)])
        self.last = nn.Linear(hidden, dim)
        self.final_norm = nn.LayerNorm(dim)
        self.sketcher = Sketch(sketch) if sketch else None
        self.profiles = Profiles(profile, pairs, profile_sketch) if profile else None
        self.axes = Properties(len(DESCRIPTORS), properties) if properties else None
        # Drawn last, so that the other weights begin the same with pairs and without.
        self.pairs = nn.Parameter(torch.randn(PAIRS_SIZE, hidden) * 0.02) if pairs else None
        if pairs:
            self.reads = self.reads | {"pairs"}

    @property
    def activity_profiles(self) -> Profiles | None:
        """The memory of what training assays found of molecules; None if it has none."""
        return self.profiles

    def fit_inputs(self, batch: Batch) -> None:
        """Learn from a sample of the training molecules how inputs are distributed."""
        self.scale.fit(batch.descriptors)
        if self.sketcher is not None:
            self.sketcher.fit(batch)
        if self.axes is not None:
            self.axes.fit(self.scale(batch.descriptors))

    def forward(self, batch: Batch) -> Tensor:
        """Encode a batch of n molecules → (n, dim)."""
        ranks = self.scale(batch.descriptors)
        x = self._counts(batch) @ self.environments + self.descriptors(ranks)
        if self.pairs is not None:
            x = x + self._pair_counts(batch) @ self.pairs
        x = self.dropout(nn.functional.silu(self.norm(x)))
        for block in self.blocks:
            x = x + block(x)
        encoded: Tensor = self.final_norm(self.last(x))
        beside = [part(batch) for part in (self.sketcher, self.profiles) if part is not None]
        if self.axes is not None:
            beside.append(self.axes(ranks))
        return torch.cat([encoded, *beside], -1)

    def _counts(self, batch: Batch) -> SparseRows:
        """Read log(1 + count) of the environments, (n, SIZE)."""
        counts = self.input_dropout(batch.fp_counts.log1p())
        return SparseRows(batch.fp_columns, counts, batch.fp_offsets, SIZE)

    def _pair_counts(self, batch: Batch) -> SparseRows:
        """Read log(1 + count) of the torsions and atom pairs, (n, PAIRS_SIZE)."""
        counts = self.input_dropout(batch.pair_counts.log1p())
        return SparseRows(batch.pair_columns, counts, batch.pair_offsets, PAIRS_SIZE)


def _block(hidden: int, dropout: float) -> nn.Module:
    return nn.Sequential(
        nn.LayerNorm(hidden),
        nn.Linear(hidden, hidden // 2),
        nn.SiLU(),
        nn.Dropout(dropout),
        nn.Linear(hidden // 2, hidden),
    )
