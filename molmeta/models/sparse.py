"""The sparse product: a sparse matrix times a dense one, differentiable any number of times.

`torch.nn.functional.embedding_bag` is the fastest way on a CPU, but has no second derivative, which
MAML on an encoder needs; torch's sparse tensors have one, and cost twice as much or warn.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True)
class SparseRows:
    """A constant matrix by rows, shape (n, n_columns).

    Attributes:
        columns: The column of each entry, (entries,), row by row.
        values: Its value, (entries,).
        offsets: The first entry of each row, (n,).
        n_columns: The matrix's width.
    """

    columns: Tensor
    values: Tensor
    offsets: Tensor
    n_columns: int

    def __matmul__(self, dense: Tensor) -> Tensor:
        """Multiply with `dense`, shape (n_columns, d) → (n, d)."""
        product: Tensor = _Product.apply(dense, self)  # type: ignore[no-untyped-call, unused-ignore]
        return product

    def transposed(self) -> SparseRows:
        """Sort the same entries by columns."""
        ends = torch.cat([self.offsets[1:], self.offsets.new_tensor([len(self.columns)])])
        rows = torch.repeat_interleave(ends - self.offsets)
        order = self.columns.argsort(stable=True)
        counts = torch.bincount(self.columns, minlength=self.n_columns)
        return SparseRows(
            rows[order], self.values[order], counts.cumsum(0) - counts, len(self.offsets)
        )


class _Product(torch.autograd.Function):
    """The product is linear: its gradient is the product with the transposed matrix."""

    @staticmethod
    def forward(
        ctx: torch.autograd.function.FunctionCtx, dense: Tensor, rows: SparseRows
    ) -> Tensor:
        ctx.rows = rows  # type: ignore[attr-defined]
        return functional.embedding_bag(
            rows.columns,
            dense,
            rows.offsets,
            mode="sum",
            per_sample_weights=rows.values.to(dense.dtype),
        )

    @staticmethod
    def backward(
        ctx: torch.autograd.function.FunctionCtx, *gradients: Tensor
    ) -> tuple[Tensor, None]:
        (gradient,) = gradients
        return ctx.rows.transposed() @ gradient.contiguous(), None  # type: ignore[attr-defined]
