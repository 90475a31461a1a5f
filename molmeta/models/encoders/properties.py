"""Physical properties: in a few numbers, how far apart molecules lie in their descriptors."""

import torch
from torch import Tensor, nn

from molmeta.errors import InputError


class Properties(nn.Module):
    """The principal axes of the descriptors' ranks.

    Distances are nearly those of the ranks, divided by what makes the mean squared distance of two
    training molecules 2. Close analogs that differ in size, polarity or charge lie apart here,
    where a learned vector and shared environments may hardly tell them apart.

    Args:
        n_columns: Number of descriptors.
        width: Number of axes, at most `n_columns`.

    Raises:
        InputError: If there are fewer columns than axes.
    """

    axes: Tensor

    def __init__(self, n_columns: int, width: int) -> None:
        super().__init__()
        if width > n_columns:
            raise InputError.of(
                f"encoder.properties: {width}", expected=f"at most the {n_columns} descriptors"
            )
        self.register_buffer("axes", torch.eye(n_columns, width) / width**0.5)

    @torch.no_grad()
    def fit(self, ranks: Tensor) -> None:
        """Take the axes from the ranks of training molecules, (n, n_columns)."""
        strengths, axes = torch.linalg.eigh(ranks.mT.cov(correction=0).double())
        width = self.axes.shape[1]
        total = strengths[-width:].sum()
        # One molecule, or many that are alike, have no spread to divide by.
        self.axes.copy_(axes[:, -width:] / (total.sqrt() if total > 1e-6 else 1))

    def forward(self, ranks: Tensor) -> Tensor:
        """Project ranks, (n, n_columns) → (n, width)."""
        return ranks @ self.axes
