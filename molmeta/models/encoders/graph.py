"""Molecular graphs → vectors that can be taught: every environment of every radius is read out."""

import torch
from torch import Tensor, nn
from torch_geometric.data import Batch
from torch_geometric.nn import GINEConv

from molmeta.chem.descriptors import DESCRIPTORS
from molmeta.config import Count, CountOrNone, Fraction
from molmeta.models.columns import Columns
from molmeta.models.encoder import ENCODERS, Encoder
from molmeta.models.encoders.embedding import AtomEmbedding, BondEmbedding
from molmeta.models.encoders.environments import Environments
from molmeta.models.encoders.profiles import Profiles
from molmeta.models.encoders.properties import Properties
from molmeta.models.encoders.quantiles import QuantileScale
from molmeta.models.encoders.readout import SUM_SCALE
from molmeta.models.encoders.residual import mlp
from molmeta.models.encoders.sketch import Sketch
from molmeta.models.sparse import SparseRows


@ENCODERS.register("graph")
class GraphEncoder(Encoder):
    """GINE whose every layer is read out, sum and mean, through two layers to one vector.

    The atoms are those of `GINE`: x_v ← x_v + MLP(h_v + Σ_u relu(h_u + e_uv)), h normalised. Each
    distinct environment of a batch is computed once (`Environments`). Of each layer, and of the
    atoms as they begin, silu(W h) is summed and averaged over the molecule's atoms. Properties are
    predicted from what is read out; pre-training with a teacher trains them.

    >>> import numpy as np
    >>> from molmeta.chem.featurize import featurize
    >>> from molmeta.episodes.batch import make_batch
    >>> from molmeta.models import GraphEncoder
    >>> batch = make_batch(featurize(["CCO", "c1ccccc1"]), np.arange(2))
    >>> GraphEncoder(dim=8, width=8, layers=2, readout=4, hidden=16)(batch).shape
    torch.Size([2, 8])

    Args:
        dim: Width of the molecule's vector, without what stands beside it.
        width: Width of atoms.
        layers: Number of message-passing layers.
        readout: Width in which each layer's atoms are summed.
        hidden: Width between read-out and vector.
        dropout: Probability of dropping a hidden unit in training.
        sketch: Columns of a fingerprint sketch (`Sketch`) beside the vector; 0 for none.
        profile: Columns of activity profiles (`Profiles`) beside it; 0 for none.
        profile_sketch: How many of them, the last ones, are for molecules of few labels.
        properties: Columns of predicted properties (`Properties`) beside it; 0 for none.

    Attributes:
        reads: Graphs; fingerprints too for a sketch or profiles.
        predicts: The descriptors, if it predicts properties.
        dim: Width of the molecule's vector with sketch, profile and properties, in this order.
    """

    at_once = 1024  # the more there are, the more environments they share

    def __init__(
        self,
        *,
        dim: Count = 512,
        width: Count = 128,
        layers: CountOrNone = 4,
        readout: Count = 256,
        hidden: Count = 768,
        dropout: Fraction = 0.0,
        sketch: CountOrNone = 0,
        profile: CountOrNone = 0,
        profile_sketch: CountOrNone = 0,
        properties: CountOrNone = 0,
    ) -> None:
        super().__init__()
        self._columns = Columns(vector=dim, sketch=sketch, profile=profile, properties=properties)
        self.dim = self._columns.dim
        self.atoms = AtomEmbedding(width)
        self.bonds = nn.ModuleList([BondEmbedding(width) for _ in range(layers)])
        self.convolutions = nn.ModuleList([GINEConv(mlp(width)) for _ in range(layers)])
        self.norms = nn.ModuleList([nn.LayerNorm(width) for _ in range(layers + 1)])
        self.readouts = nn.ModuleList([nn.Linear(width, readout) for _ in range(layers + 1)])
        self.norm = nn.LayerNorm(2 * readout * (layers + 1))
        self.first = nn.Linear(2 * readout * (layers + 1), hidden)
        self.dropout = nn.Dropout(dropout)
        self.last = nn.Linear(hidden, dim)
        self.final_norm = nn.LayerNorm(dim)
        self.sketcher = Sketch(sketch) if sketch else None
        self.profiles = Profiles(profile, False, profile_sketch) if profile else None
        self.scale = QuantileScale(len(DESCRIPTORS)) if properties else None
        self.axes = Properties(len(DESCRIPTORS), properties) if properties else None
        self.properties = nn.Linear(hidden, properties) if properties else None
        if sketch or profile:
            self.reads = self.reads | {"fingerprints"}
        if properties:
            self.predicts = frozenset({"descriptors"})

    @property
    def activity_profiles(self) -> Profiles | None:
        """The memory of what training assays found of molecules; None if it has none."""
        return self.profiles

    def fit_inputs(self, batch: Batch) -> None:
        """Learn from a sample of the training molecules how inputs and targets are distributed."""
        if self.sketcher is not None:
            self.sketcher.fit(batch)
        if self.scale is not None and self.axes is not None:
            self.scale.fit(batch.descriptors)
            self.axes.fit(self.scale(batch.descriptors))

    def targets(self, batch: Batch) -> Tensor | None:
        """Compute what `properties` should be, (n, width), from a batch with descriptors."""
        if self.scale is None or self.axes is None:
            return None
        properties: Tensor = self.axes(self.scale(batch.descriptors))
        return properties

    def forward(self, batch: Batch) -> Tensor:
        """Encode a batch of n molecules → (n, dim)."""
        x = self.dropout(nn.functional.silu(self.first(self.norm(self._read_out(batch)))))
        parts = [self.final_norm(self.last(x))]
        parts += [part(batch) for part in (self.sketcher, self.profiles) if part is not None]
        if self.properties is not None:
            parts.append(self.properties(x))
        return torch.cat(parts, -1)

    def _read_out(self, batch: Batch) -> Tensor:
        """Pass messages, and read every layer out, (n, 2 · readout · (layers + 1))."""
        found = Environments.of(batch, len(self.convolutions))
        x = self.atoms(batch, found.atoms)
        h = self.norms[0](x)
        sums = [self._pool(h, 0, found, batch)]
        steps = zip(found.layers, self.bonds, self.convolutions, self.norms[1:], strict=True)
        for depth, (layer, bonds, convolution, norm) in enumerate(steps, 1):
            pair = h, h.index_select(0, layer.centres)
            moved = convolution(pair, layer.edge_index, bonds(batch, layer.edges))
            x = x.index_select(0, layer.centres) + moved
            h = norm(x)
            sums.append(self._pool(h, depth, found, batch))
        summed = torch.cat(sums, -1)
        n_atoms = batch.ptr.diff().clamp(min=1).unsqueeze(1)
        return torch.cat([summed * SUM_SCALE, summed / n_atoms], -1)

    def _pool(self, h: Tensor, depth: int, found: Environments, batch: Batch) -> Tensor:
        """Sum what is read of a layer's environments over the atoms of each molecule."""
        read = nn.functional.silu(self.readouts[depth](h))
        read = read.float() if read.dtype == torch.bfloat16 else read  # many are added up
        codes = found.codes[depth]
        ones = torch.ones_like(codes, dtype=read.dtype)
        return SparseRows(codes, ones, batch.ptr[:-1], found.sizes[depth]) @ read
