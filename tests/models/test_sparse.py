"""The sparse product against the dense one, and its derivatives against finite differences."""

from __future__ import annotations

import torch

from molmeta.models.sparse import SparseRows

DENSE = torch.tensor([[0.0, 2, 0, 1], [0, 0, 0, 0], [3, 0, 0, 4]], dtype=torch.float64)
SPARSE = SparseRows(
    torch.tensor([1, 3, 0, 3]), torch.tensor([2.0, 1, 3, 4]), torch.tensor([0, 2, 2]), 4
)


def test_product_and_transpose_equal_dense_ones() -> None:
    other = torch.randn(4, 2, dtype=torch.float64)
    assert torch.equal(SPARSE @ other, DENSE @ other)
    other = torch.randn(3, 2, dtype=torch.float64)
    assert torch.equal(SPARSE.transposed() @ other, DENSE.mT @ other)
    assert torch.equal(SPARSE.transposed().transposed() @ DENSE.mT, DENSE @ DENSE.mT)


def test_derivatives_equal_finite_differences() -> None:
    weights = torch.randn(4, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda w: (SPARSE @ w).sin(), weights)
    assert torch.autograd.gradgradcheck(lambda w: (SPARSE @ w).sin(), weights)


def test_no_entry_and_no_row() -> None:
    nothing = torch.empty(0, dtype=torch.int64)
    empty_rows = SparseRows(nothing, torch.empty(0), torch.zeros(2, dtype=torch.int64), 4)
    assert torch.equal(empty_rows @ torch.ones(4, 3), torch.zeros(2, 3))
    no_rows = SparseRows(nothing, torch.empty(0), nothing, 4)
    assert (no_rows @ torch.ones(4, 3)).shape == (0, 3)
