"""Full-context embeddings: vectors of molecules, updated by the labelled support set.

Vinyals et al. 2016, arXiv:1606.04080, section 2.1.2, read it with LSTMs; here it is attention
(Vaswani et al. 2017, arXiv:1706.03762), in which the order of the support set cannot matter.
"""

import torch
from torch import Tensor, nn

from molmeta.config import Count, CountOrNone, Fraction
from molmeta.errors import InputError

_UNKNOWN = 2  # beside the labels 0 and 1


class Context(nn.Module):
    """Label-aware attention: support molecules see each other, and queries the support set.

    A query never sees another query. What is added to the vectors begins at zero, so that an
    untrained context changes nothing.

    >>> import torch
    >>> from molmeta.models import Context
    >>> support, query = torch.eye(2, 8), torch.ones(1, 8)
    >>> seen, asks = Context(dim=8, width=8, blocks=1)(support, torch.tensor([1.0, 0.0]), query)
    >>> torch.equal(seen, support), torch.equal(asks, query)
    (True, True)

    Args:
        dim: Width of the vectors: the learner's `projection`.
        width: Width inside.
        blocks: Number of attention blocks.
        heads: Attention heads of a block.
        dropout: Probability of dropping an update's entries in training.

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
    ) -> None:
        super().__init__()
        if width % heads:
            raise InputError.of(
                f"context.heads: {heads}", got=f"context.width: {width}", expected="a multiple"
            )
        self.dim = dim
        self.down = nn.Linear(dim, width)
        self.labels = nn.Parameter(torch.randn(3, width) * 0.5)
        self.blocks = nn.ModuleList([_Block(width, heads, dropout) for _ in range(blocks)])
        self.up = nn.Linear(width, dim)
        nn.init.zeros_(self.up.weight)
        nn.init.zeros_(self.up.bias)

    def forward(
        self, support: Tensor, labels: Tensor, query: Tensor, visible: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Update vectors by the labelled support set.

        Args:
            support: Shape (s, dim).
            labels: 1 active, 0 inactive, shape (s,).
            query: Shape (q, dim).
            visible: Shape (q, s), False where a query may not see a support molecule, nor its
                label, nor what the others made of it.

        Returns:
            The support set, shape (s, dim), or (q, s, dim) as each query sees it where `visible`
            is given; and the queries, shape (q, dim).
        """
        seen = self.down(support) + self.labels[labels.long()]
        asks = self.down(query) + self.labels[_UNKNOWN]
        if visible is None:
            seen, asks = self._attend(seen.unsqueeze(0), asks.unsqueeze(0), None, None)
            return support + self.up(seen[0]), query + self.up(asks[0])
        views, view = torch.unique(visible, dim=0, return_inverse=True)
        seen = seen.expand(len(views), -1, -1)
        seen, asks = self._attend(seen, asks.unsqueeze(1), views, view)
        return support + self.up(seen)[view], query + self.up(asks[:, 0])

    def _attend(
        self, support: Tensor, query: Tensor, views: Tensor | None, view: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """Run all blocks on support (v, s, w) and query (v, q, w), or (q, 1, w) in its own view."""
        mask = None if views is None else views[:, None, None, :]
        for block in self.blocks:
            assert isinstance(block, _Block)
            keys, values = block.read(support)
            if view is None or mask is None:
                query = block(query, keys, values, mask)
            else:
                query = block(query, keys[view], values[view], mask[view])
            support = block(support, keys, values, mask)
        return support, query


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

    def read(self, support: Tensor) -> tuple[Tensor, Tensor]:
        """Compute keys and values of the support set, each (v, heads, s, w / heads)."""
        keys, values = self.remembers(self.norm(support)).chunk(2, -1)
        return self._split(keys), self._split(values)

    def forward(self, x: Tensor, keys: Tensor, values: Tensor, mask: Tensor | None) -> Tensor:
        """Update x, (v, n, w), by the support set's values; mask (v, 1, 1, s)."""
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
        """Split the width between the heads, (v, n, w) → (v, heads, n, w / heads)."""
        return x.view(*x.shape[:-1], self.heads, x.shape[-1] // self.heads).transpose(1, 2)
