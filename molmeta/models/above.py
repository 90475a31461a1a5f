"""What stands above the encoder, and adapts to an assay by default: projection, context, head."""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor, nn

from molmeta.errors import InputError
from molmeta.models.context import Context
from molmeta.models.known_assays import KnownAssays

BESIDE = ("sketch", "profile", "properties")
"""What may stand beside the encoder's own vector, in this order."""


def widths_beside(encoder: nn.Module) -> dict[str, int]:
    """How many of the encoder's last columns are not its own vector, by what they are."""
    return {name: int(getattr(encoder, name, 0)) for name in BESIDE}


class Above(nn.Module):
    """Vectors of the encoder → log-odds.

    An encoder may give a fingerprint `sketch`, an activity `profile` and physical `properties`
    beside its vectors; they pass by the projection and the context, and reach heads that know what
    to do with them. The vectors that a context remembers are the encoder's own, a buffer: they are
    projected as all others are. What known assays say is added to the head's log-odds; it is read
    off the encoder's own vectors too.

    Args:
        encoder: Its `dim` and, if it has any, its `sketch`, `profile` and `properties` are read.
        head: (support, labels, query, visible) → log-odds.
        context: Between projection and head; None for none.
        projection: Width of the projection.
        known: Assays of pre-training; None for none.

    Raises:
        InputError: If the parts do not fit each other.
    """

    memory: Tensor

    def __init__(
        self,
        encoder: nn.Module,
        head: nn.Module,
        context: Context | None,
        projection: int,
        known: KnownAssays | None = None,
    ) -> None:
        super().__init__()
        self.beside = widths_beside(encoder)
        own = int(encoder.dim) - sum(self.beside.values())  # type: ignore[arg-type]
        self.projection = nn.Linear(own, projection)
        # Angles are what heads look at: they pass an orthogonal map unchanged.
        nn.init.orthogonal_(self.projection.weight)
        self.context = context
        self.head = head
        self.known = known
        if context is not None and context.memory:
            self.register_buffer("memory", torch.zeros(context.memory, own))
        self._check(projection)

    def _check(self, projection: int) -> None:
        for name, part in (("head", self.head), ("context", self.context)):
            width = getattr(part, "dim", projection)
            if width != projection:
                raise InputError.of(
                    f"{name}.dim: {width}",
                    got=f"vectors of learner.projection: {projection}",
                    fix=f"Set {name}.dim to {projection}.",
                )
        for name, width in self.beside.items():
            asked = getattr(self.head, name, 0)
            if asked not in (0, width):
                raise InputError.of(
                    f"head.{name}: {asked}",
                    got=f"encoder.{name}: {width}",
                    fix=f"Set head.{name} to {width}, or encoder.{name} to {asked}.",
                )
        if self.context is not None and getattr(self.head, "continuous", False):
            raise InputError.of(
                "context", got="a head of continuous labels", expected="a head of two classes"
            )
        if self.known is not None and getattr(self.head, "continuous", False):
            raise InputError.of(
                "known_assays", got="a head of continuous labels", expected="a head of two classes"
            )

    def forward(
        self,
        support: Tensor,
        labels: Tensor,
        query: Tensor,
        visible: Tensor | None = None,
        give: Literal["scores", "attention", "contributions"] = "scores",
    ) -> Tensor:
        """What the head makes of the encoder's vectors.

        Args:
            support: The encoder's vectors, shape (s, dim).
            labels: Shape (s,).
            query: The encoder's vectors, shape (q, dim).
            visible: As for heads, with `scores` alone.
            give: Log-odds of the queries, shape (q,); or the head's method of that name, (q, s).
        """
        return self.compare(self.project(support), labels, self.project(query), visible, give)

    def project(self, vectors: Tensor) -> Tensor:
        """The encoder's vectors, (n, encoder.dim) → (n, width).

        Projected; what stands beside the vectors; what is compared with known assays.
        """
        own = vectors[..., : self.projection.in_features]
        parts = [self.projection(own)]
        if any(self.beside.values()):
            parts.append(vectors[..., self.projection.in_features :])
        if self.known is not None:
            parts.append(self.known.describe(own))
        return torch.cat(parts, -1) if len(parts) > 1 else parts[0]

    @property
    def ready_dim(self) -> int:
        """Width of what `ready` gives."""
        width = self.projection.in_features + sum(self.beside.values())
        return int(self.ready(self.projection.weight.new_zeros(1, width)).shape[-1])

    def ready(self, vectors: Tensor) -> Tensor:
        """The encoder's vectors as far as no support set has a part in them, (n, ready_dim).

        Projected, and as the head's `prepare` makes them, where no context stands between.
        """
        projected = self.project(vectors)
        if not self._prepares:
            return projected
        own, described = self._apart(projected)
        return torch.cat([self.head.prepare(self._seen(own)), described], -1)  # type: ignore[operator]

    def settle(self, support: Tensor, labels: Tensor) -> tuple[Any, Any]:
        """A support set that `ready` gave, (s, ready_dim), for any number of `compare_ready`.

        What the head and the known assays make of it; itself where they make it with each query.
        """
        if not self._prepares:
            return support, labels
        own, described = self._apart(support)
        mixture = None if self.known is None else self.known.mix(described, labels)
        return self.head.settle(own, labels), mixture  # type: ignore[operator]

    def compare_ready(self, settled: tuple[Any, Any], query: Tensor) -> Tensor:
        """Log-odds of the queries, shape (q,), from what `settle` and `ready` gave."""
        if not self._prepares:
            return self.compare(*settled, query)
        of_head, mixture = settled
        query, described = self._apart(query)
        scores: Tensor = self.head.judge(of_head, query)  # type: ignore[operator]
        if self.known is not None:
            scores = scores + self.known.opinion(mixture, described)
        return scores

    @property
    def _prepares(self) -> bool:
        """Whether something can be made of a vector, and of a support set, by itself."""
        return self.context is None and hasattr(self.head, "settle")

    def _apart(self, vectors: Tensor) -> tuple[Tensor, Tensor]:
        """What context and head read, and what is compared with known assays."""
        width = vectors.shape[-1] - (0 if self.known is None else self.known.width)
        return vectors[..., :width], vectors[..., width:]

    def _seen(self, projected: Tensor) -> Tensor:
        """Without what stands beside them, where the head does not know what to do with it."""
        known = [bool(getattr(self.head, name, 0)) for name in self.beside]
        if known == [width > 0 for width in self.beside.values()]:
            return projected  # without a copy
        parts = torch.split(projected, [self.projection.out_features, *self.beside.values()], -1)
        seen = [part for part, wanted in zip(parts, [True, *known], strict=True) if wanted]
        return torch.cat(seen, -1)

    def compare(
        self,
        support: Tensor,
        labels: Tensor,
        query: Tensor,
        visible: Tensor | None = None,
        give: Literal["scores", "attention", "contributions"] = "scores",
    ) -> Tensor:
        """As `forward`, from what `project` gave."""
        width = self.projection.out_features
        (support, known_support), (query, known_query) = self._apart(support), self._apart(query)
        if self.context is not None:
            memory = self.projection(self.memory) if self.context.memory else None
            known, asked = self.context(
                support[..., :width], labels, query[..., :width], visible, memory
            )
            beside = support[..., width:].expand(*known.shape[:-1], -1)
            support = torch.cat([known, beside], -1)
            query = torch.cat([asked, query[..., width:]], -1)
        support, query = self._seen(support), self._seen(query)
        if give == "attention":
            weights: Tensor = self.head.attention(support, query)  # type: ignore[operator]
            return weights
        if give == "contributions":
            parts: Tensor = self.head.contributions(support, labels, query)  # type: ignore[operator]
            return parts
        scores: Tensor = self.head(support, labels, query, visible)
        if self.known is not None:
            scores = scores + self.known(known_support, labels, known_query, visible)
        return scores

    @torch.no_grad()
    def centre(self, vectors: Tensor) -> None:
        """Set the projection's bias so that these vectors, shape (n, dim), project around zero.

        An untrained encoder gives all molecules much the same direction (cosines of 0.96 ± 0.04),
        which tells the head little; around their centre the directions differ (0.0 ± 0.6). As an
        initialisation from data it follows Salimans and Kingma 2016, arXiv:1602.07868, section 3.
        """
        mean = vectors.mean(0)[: self.projection.in_features]
        self.projection.bias.copy_(-(self.projection.weight @ mean))

    @torch.no_grad()
    def remember(self, vectors: Tensor) -> None:
        """Let the context remember the encoder's vectors of some training molecules, (n, dim).

        Raises:
            InputError: If they are fewer than it wants.
        """
        assert self.context is not None
        if len(vectors) < self.context.memory:
            raise InputError.of(
                f"context.memory: {self.context.memory}", got=f"{len(vectors)} training molecules"
            )
        self.memory.copy_(vectors[: self.context.memory, : self.projection.in_features])
