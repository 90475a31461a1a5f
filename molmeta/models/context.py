"""Full-context embeddings: molecules are seen in the light of the labelled support set.

Vinyals et al. 2016, arXiv:1606.04080, section 2.1.2, read it with LSTMs; here it is attention
(Vaswani et al. 2017, arXiv:1706.03762), in which the order of the support set cannot matter. A
memory of training molecules without labels follows MHNfs (Schimunek et al. 2023, arXiv:2305.09481).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from molmeta.config import Count, CountOrNone, Fraction
from molmeta.errors import InputError

_UNKNOWN = 2  # beside the labels 0 and 1


class Context(nn.Module):
    """Label-aware attention: support molecules see each other, and queries the support set.

    A query never sees another query. What is added to the vectors begins at zero, so that an
    untrained context changes nothing. With a memory all of them first attend to molecules of the
    training assays, of which no label is known.

    Args:
        dim: Width of the vectors: the learner's `projection`.
        width: Width inside.
        blocks: Number of attention blocks.
        heads: Attention heads of a block.
        dropout: Probability of dropping an update's entries in training.
        memory: Training molecules that are remembered (`Above.remember`); 0 for none.

    Raises:
        InputError: If `heads` does not divide `width`.
    """

    def __init__(
        self,
        *,
        dim: Count = 128,
        width: Count = 256,
        blocks: CountOrNone = 0,
        heads: Count = 4,
        dropout: Fraction = 0.1,
        memory: CountOrNone = 0,
    ) -> None:
        super().__init__()
        if width % heads:
            raise InputError.of(
                f"context.heads: {heads}", got=f"context.width: {width}", expected="a multiple"
            )
        self.dim = dim
        self.memory = memory
        self.down = nn.Linear(dim, width)
        self.recall = _Block(width, heads, dropout) if memory else None
        self.labels = nn.Parameter(torch.randn(3, width) * 0.5)
        self.blocks = nn.ModuleList([_Block(width, heads, dropout) for _ in range(blocks)])
        self.up = nn.Linear(width, dim)
        nn.init.zeros_(self.up.weight)
        nn.init.zeros_(self.up.bias)

    def forward(
        self,
        support: Tensor,
        labels: Tensor,
        query: Tensor,
        visible: Tensor | None = None,
        memory: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Vectors in context.

        Args:
            support: Shape (s, dim).
            labels: 1 active, 0 inactive, shape (s,).
            query: Shape (q, dim).
            visible: Shape (q, s), False where a query may not see a support molecule, nor its
                label, nor what the others made of it.
            memory: The remembered molecules' vectors, shape (m, dim), where there is a memory.

        Returns:
            The support set, shape (s, dim), or (q, s, dim) as each query sees it where `visible`
            is given; and the queries, shape (q, dim).
        """
        known, asked = (self._recalled(self.down(x), memory) for x in (support, query))
        known = known + self.labels[labels.long()]
        asked = asked + self.labels[_UNKNOWN]
        if visible is None:
            known, asked = self._attend(known.unsqueeze(0), asked.unsqueeze(0), None, None)
            return support + self.up(known[0]), query + self.up(asked[0])
        views, view = visible.unique(dim=0, return_inverse=True)  # type: ignore[no-untyped-call]
        known = known.expand(len(views), -1, -1)
        known, asked = self._attend(known, asked.unsqueeze(1), views, view)
        return support + self.up(known)[view], query + self.up(asked[:, 0])

    def _recalled(self, x: Tensor, memory: Tensor | None) -> Tensor:
        """Vectors (n, w), each after it has attended to the memory alone."""
        if self.recall is None or memory is None:
            return x
        keys, values = self.recall.remember(self.down(memory).unsqueeze(0))
        recalled: Tensor = self.recall(x.unsqueeze(0), keys, values, None)
        return recalled.squeeze(0)

    def _attend(
        self, known: Tensor, asked: Tensor, views: Tensor | None, view: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """All blocks: known (v, s, w), asked (v, q, w); or (q, 1, w), each in its own view."""
        mask = None if views is None else views[:, None, None, :]
        for block in self.blocks:
            keys, values = block.remember(known)  # type: ignore[operator]
            if view is None or mask is None:
                asked = block(asked, keys, values, mask)
            else:
                asked = block(asked, keys[view], values[view], mask[view])
            known = block(known, keys, values, mask)
        return known, asked


class _Block(nn.Module):
    """Attention to the support set, then two layers for each molecule; both residual."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.norm = nn.LayerNorm(width)
        self.asks = nn.Linear(width, width)
        self.remembers = nn.Linear(width, 2 * width)
        self.answers = nn.Linear(width, width)
        self.dropout = nn.Dropout(dropout)
        self.layers = nn.Sequential(
            nn.LayerNorm(width),
            nn.Linear(width, 2 * width),
            nn.SiLU(),
            nn.Dropout(dropout),
            nn.Linear(2 * width, width),
            nn.Dropout(dropout),
        )

    def remember(self, known: Tensor) -> tuple[Tensor, Tensor]:
        """Keys and values of the support set, each (v, heads, s, w / heads)."""
        keys, values = self.remembers(self.norm(known)).chunk(2, -1)
        return self._split(keys), self._split(values)

    def forward(self, x: Tensor, keys: Tensor, values: Tensor, mask: Tensor | None) -> Tensor:
        """Update (v, n, w) by what the support set says; mask (v, 1, 1, s)."""
        asks = self._split(self.asks(self.norm(x)))
        # Written out: fused attention has no second derivative.
        logits = asks @ keys.mT / keys.shape[-1] ** 0.5
        if mask is not None:
            logits = logits.masked_fill(~mask, torch.finfo(logits.dtype).min)
        weights = logits.softmax(-1)
        if mask is not None:
            weights = weights.masked_fill(~mask, 0.0)
        found = (weights @ values).transpose(1, 2).flatten(2)
        x = x + self.dropout(self.answers(found))
        updated: Tensor = x + self.layers(x)
        return updated

    def _split(self, x: Tensor) -> Tensor:
        """(v, n, w) → (v, heads, n, w / heads)."""
        return x.view(*x.shape[:-1], self.heads, x.shape[-1] // self.heads).transpose(1, 2)
