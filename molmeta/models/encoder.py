"""The base class of encoders, which turn a batch of molecules into one row of numbers each."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn
from torch_geometric.data import Batch

from molmeta.config import Registry
from molmeta.errors import InputError
from molmeta.models.columns import Columns

if TYPE_CHECKING:
    from molmeta.models.encoders.profiles import Profiles

ENCODERS = Registry("encoder")
"""Encoders by the names that recipes use."""


class Encoder(nn.Module, ABC):
    """A network from molecules to vectors, one row a molecule.

    A subclass sets `dim` and defines `forward`. `molmeta.testing.check_encoder` holds it to the
    laws of encoders: a molecule's vector depends on nothing but the molecule.

    >>> from molmeta.models import Encoder
    >>> class AtomCount(Encoder):
    ...     dim = 1
    ...
    ...     def forward(self, batch):
    ...         return batch.ptr.diff().float().unsqueeze(1)
    >>> AtomCount().columns
    Columns(vector=1)

    Attributes:
        dim: The width of a molecule's row, all columns together.
        reads: The names of the features that it reads of a molecule: `graphs`, `fingerprints`,
            `pairs`, `descriptors`.
        predicts: The names of the features that it learns to predict instead; they are read in
            training alone.
        at_once: Molecules that a CPU encodes fastest at once, where graphs are read.
    """

    dim: int
    _columns: Columns | None = None
    reads: frozenset[str] = frozenset({"graphs"})
    predicts: frozenset[str] = frozenset()
    at_once: int = 64  # small enough for a core's cache (measured: 48 beat 384 by 8-17 %)

    @abstractmethod
    def forward(self, batch: Batch) -> Tensor:
        """Encode a batch of n molecules → (n, dim)."""

    @property
    def columns(self) -> Columns:
        """Name the columns of its rows: its own `vector`, then the others."""
        return self._columns or Columns(vector=self.dim)

    @property
    def activity_profiles(self) -> Profiles | None:
        """Return the memory of training assays' labels by molecule; None if it has none."""
        return None

    def fit_inputs(self, batch: Batch) -> None:
        """Learn from a sample of the training molecules how inputs are distributed."""

    def targets(self, batch: Batch) -> Tensor | None:
        """Compute what its columns `properties` should be, from a batch of what it `predicts`."""
        return None


def as_encoder(part: Any) -> Encoder:
    """Demand an encoder that the learner can use.

    Raises:
        InputError: If it is none, or does not say how wide its vectors are.
    """
    if not isinstance(part, Encoder):
        raise InputError.of(
            f"encoder {type(part).__name__}",
            got="a class that is not derived from molmeta.models.Encoder",
            expected="class …(Encoder) with an attribute `dim` and a method `forward(batch)`",
            fix="Put Encoder in the place of nn.Module, as docs/tutorials/own_encoder.md does.",
        )
    try:
        width: object = part.dim
    except AttributeError:
        width = None
    if not isinstance(width, int) or width < 1:
        raise InputError.of(
            f"encoder {type(part).__name__}",
            got=f"`dim`: {width!r}",
            expected="the width of a molecule's vector",
        )
    return part
