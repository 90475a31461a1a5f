"""Hybrid: a graph encoder beside fingerprints and descriptors."""

from typing import Any

import torch
from torch import Tensor, nn
from torch_geometric.data import Batch

from molmeta.config import NotNegative, passes_on, resolve
from molmeta.models.encoder import ENCODERS, Encoder, as_encoder
from molmeta.models.encoders.fingerprint import FingerprintEncoder
from molmeta.models.encoders.profiles import Profiles


class Hybrid(Encoder):
    """The sum of what fingerprints say and, after a projection of its own, what a graph says.

    Joined at full scale a graph encoder, which learns more slowly, drowns the fingerprints early
    on; `graph_scale` lets it grow into its share.

    >>> from molmeta.models import GINE, FingerprintEncoder, Hybrid
    >>> hybrid = Hybrid(GINE(dim=8, layers=1), FingerprintEncoder(dim=4, hidden=8))
    >>> sorted(hybrid.reads), hybrid.columns
    (['descriptors', 'fingerprints', 'graphs'], Columns(vector=4))

    Args:
        graph: Reads graphs; its `dim` is free.
        fingerprint: Reads fingerprints, descriptors and perhaps pairs; gives the sum its width.
        graph_scale: Initial weight of the graph's part.
    """

    def __init__(
        self, graph: Encoder, fingerprint: FingerprintEncoder, graph_scale: float = 0.3
    ) -> None:
        super().__init__()
        self.reads = graph.reads | fingerprint.reads
        self.dim = fingerprint.dim
        self._columns = fingerprint.columns
        width = fingerprint.columns.width("vector")
        self.graph = graph
        self.fingerprint = fingerprint
        self.projection = nn.Linear(graph.dim, width)
        self.graph_norm = nn.LayerNorm(width)
        nn.init.constant_(self.graph_norm.weight, graph_scale)
        self.final_norm = nn.LayerNorm(width)

    def fit_inputs(self, batch: Batch) -> None:
        """Learn from a sample of the training molecules how inputs are distributed."""
        self.fingerprint.fit_inputs(batch)

    def forward(self, batch: Batch) -> Tensor:
        """Encode a batch of n molecules → (n, dim)."""
        graph = self.graph_norm(self.projection(self.graph(batch)))
        own, beside = self.fingerprint(batch).tensor_split([graph.shape[1]], -1)
        return torch.cat([self.final_norm(own + graph), beside], -1)

    @property
    def activity_profiles(self) -> Profiles | None:
        """The fingerprint encoder's memory of what training assays found of molecules."""
        return self.fingerprint.profiles


@ENCODERS.register("hybrid")
@passes_on(lambda _: FingerprintEncoder)
def hybrid(
    *,
    graph: str = "gine",
    graph_settings: dict[str, Any] | None = None,
    graph_scale: NotNegative = 0.3,
    **settings: Any,
) -> Hybrid:
    """Make a hybrid encoder from the names and settings that recipes give.

    Args:
        graph: Name of the graph encoder.
        graph_settings: Of the graph encoder, e.g. `{dim: 64, layers: 4}`.
        graph_scale: Initial weight of the graph's part.
        settings: Of the `FingerprintEncoder`.

    Raises:
        InputError: If there is no such graph encoder, or it has no such settings.
    """
    part = ENCODERS.find(graph)
    given = resolve(part, graph_settings or {}, "encoder.graph_settings")
    return Hybrid(as_encoder(part(**given)), FingerprintEncoder(**settings), graph_scale)
