"""Physical properties: that distances are kept, and what they are measured in."""

from __future__ import annotations

import pytest
import torch
from sklearn.decomposition import PCA
from torch import Tensor

from molmeta.errors import InputError
from molmeta.models.encoders.properties import Properties


def ranks(n: int = 300, n_columns: int = 9) -> Tensor:
    """Columns that depend on each other, around a mean that is not zero."""
    generator = torch.Generator().manual_seed(0)
    mixed = torch.randn(n, n_columns, generator=generator)
    return mixed @ torch.randn(n_columns, n_columns, generator=generator) + 5


def fitted(width: int, values: Tensor) -> Properties:
    properties = Properties(values.shape[1], width)
    properties.fit(values)
    return properties


def test_all_axes_keep_every_distance_but_for_a_factor() -> None:
    values = ranks()
    kept, whole = torch.pdist(fitted(9, values)(values)), torch.pdist(values)
    torch.testing.assert_close(kept / kept.mean(), whole / whole.mean(), rtol=1e-4, atol=1e-4)


def test_few_axes_are_the_principal_ones() -> None:
    values = ranks()
    expected = torch.from_numpy(PCA(3).fit_transform(values.numpy()))
    kept, principal = torch.pdist(fitted(3, values)(values)), torch.pdist(expected)
    torch.testing.assert_close(kept / kept.mean(), principal / principal.mean(), rtol=1e-3, atol=0)


def test_two_of_what_it_was_fitted_to_are_a_squared_distance_of_two_apart() -> None:
    values = ranks()
    placed = fitted(3, 100 * values)(100 * values)
    squared = torch.cdist(placed, placed).square().mean()
    torch.testing.assert_close(squared, torch.tensor(2.0), rtol=1e-3, atol=0)


def test_molecules_that_are_all_alike_are_at_no_distance() -> None:
    values = torch.ones(5, 4)
    placed = fitted(2, values)(values)
    assert not torch.cdist(placed, placed).any()


@pytest.mark.parametrize("values", [torch.ones(5, 4), torch.randn(1, 4), torch.zeros(3, 4)])
def test_without_a_spread_distances_are_those_of_the_ranks(values: Tensor) -> None:
    """Another molecule is not infinitely far away, and half precision holds the axes."""
    others = torch.eye(4)
    placed = fitted(4, values)(others)
    torch.testing.assert_close(torch.pdist(placed), torch.pdist(others))


def test_more_axes_than_descriptors_are_refused() -> None:
    with pytest.raises(InputError, match=r"encoder\.properties: 5; expected at most the 4"):
        Properties(4, 5)
