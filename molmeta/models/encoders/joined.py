"""Joined: two encoders side by side, whose vectors are compared each by its own angle."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch_geometric.data import Batch

from molmeta.config import resolve
from molmeta.errors import InputError
from molmeta.models.columns import Columns
from molmeta.models.encoder import ENCODERS, Encoder, as_encoder
from molmeta.models.encoders.profiles import Profiles


class Joined(Encoder):
    """The vectors of two encoders, one after the other; what stands beside them is the second's.

    The cosine of two joined vectors is the mean of both cosines, weighed by the vectors' lengths.

    >>> from molmeta.models import GINE, FingerprintEncoder, Joined
    >>> Joined(GINE(dim=8, layers=1), FingerprintEncoder(dim=4, hidden=8, sketch=2)).columns
    Columns(vector=12, sketch=2)

    Args:
        first: Of its rows the `vector` is taken.
        second: Of its rows all is.
    """

    def __init__(self, first: Encoder, second: Encoder) -> None:
        super().__init__()
        self.first, self.second = first, second
        self.reads = first.reads | second.reads
        self.at_once = first.at_once
        widths = dict(second.columns.widths())
        self._columns = Columns(
            vector=first.columns.width("vector") + widths.pop("vector"), **widths
        )
        self.dim = self._columns.dim

    @property
    def activity_profiles(self) -> Profiles | None:
        """The second's memory of what training assays found of molecules."""
        return self.second.activity_profiles

    def fit_inputs(self, batch: Batch) -> None:
        """Learn from a sample of the training molecules how inputs are distributed."""
        self.first.fit_inputs(batch)
        self.second.fit_inputs(batch)

    def forward(self, batch: Batch) -> Tensor:
        """Encode a batch of n molecules → (n, dim)."""
        vectors = self.first(batch)[:, self.first.columns["vector"]]
        return torch.cat([vectors, self.second(batch)], -1)


@ENCODERS.register("joined")
def joined(*, first: dict[str, Any] | None = None, second: dict[str, Any] | None = None) -> Joined:
    """Join the encoders that a recipe gives.

    Args:
        first: The name and settings of an encoder; `{name: graph}` if not given.
        second: Likewise; `{name: fingerprint}` if not given.

    Raises:
        InputError: If there is no such encoder, or it has no such settings.
    """
    return Joined(
        _encoder(first or {"name": "graph"}, "encoder.first"),
        _encoder(second or {"name": "fingerprint"}, "encoder.second"),
    )


def _encoder(given: Mapping[str, Any], key: str) -> Encoder:
    settings = dict(given)
    name = settings.pop("name", None)
    if not isinstance(name, str):
        raise InputError.of(f"{key}.name", got=repr(name), expected="the name of an encoder")
    factory = ENCODERS.find(name)
    return as_encoder(factory(**resolve(factory, settings, key)))
