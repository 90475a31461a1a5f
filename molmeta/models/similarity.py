"""Similarities of two molecules: a list of terms, each of which reads one named column.

The similarity is the product of its terms' values, plus those of the terms that add:

    k(x, xᵢ) = base(x, xᵢ) · Π term(x, xᵢ) + Σ added(x, xᵢ)

A new kind of column is one new subclass of `Term`.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn

from molmeta.config import NotNegative, Positive
from molmeta.errors import InputError
from molmeta.models.columns import Columns

Parts = Mapping[str, Tensor]
"""The columns of n prepared molecules by name, each of shape (…, n, width)."""


class Term(nn.Module, ABC):
    """One comparison of molecules, by one named column.

    >>> from molmeta.models.similarity import Cosine, Similarity, Term
    >>> class Charge(Term):
    ...     column = "charge"
    ...
    ...     def forward(self, left, right):
    ...         return (-(left["charge"] - right["charge"].mT).abs()).exp()
    >>> sorted(Similarity(Cosine(), [Charge()]).reads)
    ['charge']

    Attributes:
        column: The name of the column that it compares.
        extra: The name of one more column that `prepare` computes, by default the squared length
            of the values; "" for none.
        adds: Whether its value is added to the product of the others instead of multiplied.
    """

    column: ClassVar[str]
    extra: ClassVar[str] = ""
    adds: ClassVar[bool] = False

    def prepare(self, values: Tensor) -> tuple[Tensor, Tensor | None]:
        """Prepare the column's values, (…, w), for comparison, and compute the `extra` column."""
        return values, values.square().sum(-1, keepdim=True) if self.extra else None

    @abstractmethod
    def forward(self, left: Parts, right: Parts) -> Tensor:
        """Compare n molecules with m, shape (…, n, m)."""


class BaseTerm(Term):
    """A term of the encoder's own vectors, with which a similarity begins.

    Attributes:
        is_kernel: Whether it is positive semidefinite, as ridge attention needs it.
    """

    column = "vector"
    is_kernel: ClassVar[bool]

    @abstractmethod
    def unrelated(self) -> Tensor | float:
        """Compute its value for vectors that have nothing to do with each other."""

    def project(self, parts: Parts, weight: Tensor) -> Tensor:
        """Compute w·x of the vectors as they were before `prepare`, shape (n,)."""
        return parts["vector"] @ weight


class Cosine(BaseTerm):
    """The cosine of the vectors with an offset: (cos(x, xᵢ) + ρ) / (1 + ρ).

    With an offset, terms that multiply still count where vectors are at right angles.

    >>> import torch
    >>> from molmeta.models.similarity import Cosine, Similarity
    >>> x = torch.tensor([[1.0, 0.0], [0.0, 2.0]])
    >>> Similarity(Cosine(offset=1.0)).compare(x, x).tolist()
    [[1.0, 0.5], [0.5, 1.0]]

    Args:
        offset: Initial ρ; learned. 0 for none.
    """

    extra = "length"
    is_kernel = True

    def __init__(self, offset: NotNegative = 0.0) -> None:
        super().__init__()
        self.log_offset = nn.Parameter(torch.tensor(math.log(offset))) if offset else None

    def prepare(self, values: Tensor) -> tuple[Tensor, Tensor]:
        """Divide vectors by their lengths."""
        length = torch.linalg.vector_norm(values, dim=-1, keepdim=True)
        return values / length.clamp(min=1e-12), length

    def forward(self, left: Parts, right: Parts) -> Tensor:
        """Compare n directions with m, shape (…, n, m)."""
        cosine = left["vector"] @ right["vector"].mT
        if self.log_offset is None:
            return cosine
        offset = self.log_offset.exp()
        return (cosine + offset) / (1 + offset)

    def unrelated(self) -> Tensor | float:
        """Compute its value at right angles."""
        if self.log_offset is None:
            return 0.0
        offset = self.log_offset.exp()
        return offset / (1 + offset)

    def project(self, parts: Parts, weight: Tensor) -> Tensor:
        """Compute w·x, shape (n,)."""
        return parts["length"].squeeze(-1) * (parts["vector"] @ weight)


class Euclidean(BaseTerm):
    """Half the negative mean squared difference of the vectors: −½ ‖x − xᵢ‖² / d.

    For vectors of length √d it differs from the cosine by a constant.

    >>> import torch
    >>> from molmeta.models.similarity import Euclidean, Similarity
    >>> x = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    >>> Similarity(Euclidean()).compare(x[:1], -x).tolist()
    [[-1.0, -0.5]]
    """

    extra = "squared_length"
    is_kernel = False

    def forward(self, left: Parts, right: Parts) -> Tensor:
        """Compare n vectors with m, shape (…, n, m)."""
        shared = left["vector"] @ right["vector"].mT
        squares = _sums(left["squared_length"], right["squared_length"])
        return -(squares - 2 * shared) / 2 / left["vector"].shape[-1]

    def unrelated(self) -> float:
        """Give its value for independent vectors of unit variance."""
        return -1.0


class Tanimoto(Term):
    """A factor for shared substructures, 1 + τ T: T is the Tanimoto similarity of the sketches.

    Close analogs then count even where the learned vectors say nothing.

    >>> import torch
    >>> from molmeta.models import Columns
    >>> from molmeta.models.similarity import Cosine, Similarity, Tanimoto
    >>> similarity = Similarity(Cosine(), [Tanimoto(2.0)])
    >>> similarity.bind(Columns(vector=1, sketch=2))
    >>> x = torch.tensor([[1.0, 1.0, 0.0], [1.0, 1.0, 1.0]])
    >>> print(similarity.compare(x[:1], x).detach())
    tensor([[3., 2.]])

    Args:
        strength: Initial τ; learned.
    """

    column, extra = "sketch", "sketch_squared"

    def __init__(self, strength: Positive = 1.0) -> None:
        super().__init__()
        self.log_tanimoto = nn.Parameter(torch.tensor(math.log(strength)))

    def forward(self, left: Parts, right: Parts) -> Tensor:
        """Compare n sketches with m, shape (…, n, m)."""
        shared = left["sketch"] @ right["sketch"].mT
        united = _sums(left["sketch_squared"], right["sketch_squared"]) - shared
        return 1 + self.log_tanimoto.exp() * (shared / united.clamp(min=1e-6))


class Properties(Term):
    """A factor for similar physical properties, (1 + exp(−d² / ℓ²)) / 2: d is their distance.

    Of two analogs the one of the query's size and polarity then counts more.

    >>> import torch
    >>> from molmeta.models.similarity import Properties
    >>> x = {"properties": torch.zeros(1, 2), "properties_squared": torch.zeros(1, 1)}
    >>> Properties().forward(x, x).tolist()
    [[1.0]]

    Args:
        length: Initial ℓ; learned.
    """

    column, extra = "properties", "properties_squared"

    def __init__(self, length: Positive = 1.0) -> None:
        super().__init__()
        self.log_length = nn.Parameter(torch.tensor(math.log(length)))

    def forward(self, left: Parts, right: Parts) -> Tensor:
        """Compare the properties of n molecules with those of m, shape (…, n, m)."""
        shared = left["properties"] @ right["properties"].mT
        sums = _sums(left["properties_squared"], right["properties_squared"])
        squared = (sums - 2 * shared).clamp(min=0)
        return 0.5 + 0.5 * torch.exp(-squared / (2 * self.log_length).exp())


class Profile(Term):
    """The product of the activity profiles times κ, added to the other terms' product.

    Molecules that are active in the same training assays are similar, whatever their structure. A
    molecule without a profile has zeros, for which nothing is added.

    >>> import torch
    >>> from molmeta.models.similarity import Profile
    >>> x = {"profile": torch.tensor([[1.0, 0.0], [0.5, 0.5]])}
    >>> print(Profile(2.0).forward(x, x).detach())
    tensor([[2., 1.],
            [1., 1.]])

    Args:
        strength: Initial κ; learned.
    """

    column, adds = "profile", True

    def __init__(self, strength: Positive = 1.0) -> None:
        super().__init__()
        self.log_recall = nn.Parameter(torch.tensor(math.log(strength)))

    def forward(self, left: Parts, right: Parts) -> Tensor:
        """Compare n profiles with m, shape (…, n, m)."""
        return self.log_recall.exp() * (left["profile"] @ right["profile"].mT)


class Similarity(nn.Module):
    """The similarity of molecules: a base term of their vectors, and terms of other columns.

    >>> from molmeta.models.similarity import Cosine, Profile, Similarity, Tanimoto
    >>> sorted(Similarity(Cosine(0.5), [Tanimoto(1.5), Profile()]).reads)
    ['profile', 'sketch']

    Args:
        base: How vectors are compared; `Cosine()` if not given.
        terms: What else is compared, each another column.
    """

    def __init__(self, base: BaseTerm | None = None, terms: Sequence[Term] = ()) -> None:
        super().__init__()
        self.base = base or Cosine()
        self.terms = nn.ModuleDict({term.column: term for term in terms})
        self._terms = tuple(terms)
        self._columns: Columns | None = None
        self._prepared: Columns | None = None

    @property
    def reads(self) -> frozenset[str]:
        """Name the columns that it reads beside the vector."""
        return frozenset(self.terms)

    def bind(self, columns: Columns) -> None:
        """Learn which columns its rows have.

        Raises:
            InputError: If one is missing that a term reads, or it was bound to other columns.
        """
        columns = columns.only({"vector", *self.terms})
        if self._columns not in (None, columns):
            raise InputError.of(
                "columns of a head",
                got=f"{columns}, which the learner gives",
                expected=f"{self._columns}, for which the head was made",
                fix="Set the widths of the head to the encoder's, or leave them out.",
            )
        self._columns, self._prepared = columns, self._with_extras(columns)

    def prepare(self, rows: Tensor) -> Tensor:
        """Prepare rows for comparison: columns, then the extra ones that terms compute.

        This is the same for all values of the parameters.
        """
        columns = self._columns or Columns(vector=rows.shape[-1]).only({"vector", *self.terms})
        parts, extras = columns.split(rows), []
        for term in (*self._terms, self.base):
            parts[term.column], extra = term.prepare(parts[term.column])
            if extra is not None:
                extras.append(extra)
        return torch.cat([*parts.values(), *extras], -1)

    def split(self, prepared: Tensor) -> Parts:
        """View prepared rows, (…, n, p), by the names of their columns."""
        columns = self._prepared
        if columns is None:
            n_extras = self._with_extras(Columns(vector=1)).dim - 1
            columns = self._with_extras(Columns(vector=prepared.shape[-1] - n_extras))
        return columns.split(prepared)

    def forward(self, left: Tensor, right: Tensor) -> Tensor:
        """Compare prepared molecules, (…, n, p) with (…, m, p) → (…, n, m)."""
        parts = self.split(left), self.split(right)
        similarity: Tensor = self.base(*parts)
        added = []
        for term in self._terms:
            if term.adds:
                added.append(term(*parts))
            else:
                similarity = similarity * term(*parts)
        return similarity + sum(added) if added else similarity

    def compare(self, left: Tensor, right: Tensor) -> Tensor:
        """Compare rows that are not prepared, (…, n, d) with (…, m, d) → (…, n, m)."""
        similarity: Tensor = self(self.prepare(left), self.prepare(right))
        return similarity

    def _with_extras(self, columns: Columns) -> Columns:
        """Name what `prepare` makes of these columns."""
        extras = {term.extra: 1 for term in (*self._terms, self.base) if term.extra}
        return Columns(**dict(columns.widths()), **extras)


def _sums(left: Tensor, right: Tensor) -> Tensor:
    """Add one column of n molecules, (…, n, 1), and of m, (…, m, 1), in pairs: (…, n, m)."""
    return left + right.mT
