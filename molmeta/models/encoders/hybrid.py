"""Hybrid: a graph encoder beside fingerprints and descriptors."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch_geometric.data import Batch

from molmeta.config import Count, CountOrNone, Fraction, NotNegative, resolve
from molmeta.models.encoders.fingerprint import FingerprintEncoder
from molmeta.models.encoders.profiles import Profiles
from molmeta.models.registry import ENCODERS


class Hybrid(nn.Module):
    """The sum of what fingerprints say and, after a projection of its own, what a graph says.

    Joined at full scale a graph encoder, which learns more slowly, drowns the fingerprints early
    on; `graph_scale` lets it grow into its share.

    Args:
        graph: Reads graphs; its `dim` is free.
        fingerprint: Reads fingerprints, descriptors and perhaps pairs; gives the sum its width.
        graph_scale: Initial weight of the graph's part.
    """

    reads: tuple[str, ...] = ("graphs", "fingerprints", "descriptors")

    def __init__(
        self, graph: nn.Module, fingerprint: FingerprintEncoder, graph_scale: float = 0.3
    ) -> None:
        super().__init__()
        self.reads = ("graphs", *fingerprint.reads)
        self.dim = fingerprint.dim
        self.sketch, self.profile = fingerprint.sketch, fingerprint.profile
        self.properties = fingerprint.properties
        width = self.dim - self.sketch - self.profile - self.properties
        self.graph = graph
        self.fingerprint = fingerprint
        self.projection = nn.Linear(int(graph.dim), width)  # type: ignore[arg-type]
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
    def profiles(self) -> Profiles | None:
        """The fingerprint encoder's."""
        return self.fingerprint.profiles


@ENCODERS.register("hybrid")
def hybrid(
    *,
    graph: str = "gine",
    graph_settings: dict[str, Any] | None = None,
    graph_scale: NotNegative = 0.3,
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
) -> Hybrid:
    """A hybrid from the names and settings that recipes give.

    Args:
        graph: Name of the graph encoder.
        graph_settings: Of the graph encoder, e.g. `{dim: 64, layers: 4}`.
        graph_scale: Initial weight of the graph's part.
        dim: As of `FingerprintEncoder`, like all that follow.
        hidden: As above.
        layers: As above.
        dropout: As above.
        input_dropout: As above.
        sketch: As above.
        profile: As above.
        profile_sketch: As above.
        properties: As above.
        pairs: As above.

    Raises:
        InputError: If there is no such graph encoder, or it has no such settings.
    """
    part = ENCODERS.find(graph)
    settings = resolve(part, graph_settings or {}, "encoder.graph_settings")
    fingerprint = FingerprintEncoder(
        dim=dim,
        hidden=hidden,
        layers=layers,
        dropout=dropout,
        input_dropout=input_dropout,
        sketch=sketch,
        profile=profile,
        profile_sketch=profile_sketch,
        properties=properties,
        pairs=pairs,
    )
    return Hybrid(part(**settings), fingerprint, graph_scale)
