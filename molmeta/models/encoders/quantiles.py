"""Quantile scaling: a descriptor's rank among the training molecules instead of its value."""

import torch
from torch import Tensor, nn

N_KNOTS = 128


class QuantileScale(nn.Module):
    """Each column's values → their ranks among those it was fitted on, uniform around zero.

    Descriptors have tails (masses, surface areas) that would drown the rest. The knots are part of
    the model and travel in its checkpoint.

    Args:
        n_columns: Number of columns.
    """

    knots: Tensor

    def __init__(self, n_columns: int) -> None:
        super().__init__()
        self.register_buffer("knots", torch.linspace(-1, 1, N_KNOTS).repeat(n_columns, 1))

    @torch.no_grad()
    def fit(self, values: Tensor) -> None:
        """Take the knots from values, shape (n, n_columns); a NaN does not count."""
        levels = torch.linspace(0, 1, N_KNOTS, dtype=values.dtype, device=values.device)
        quantiles = torch.nanquantile(values, levels, dim=0).mT
        self.knots.copy_(torch.nan_to_num(quantiles))  # a column of NaN alone

    def forward(self, values: Tensor) -> Tensor:
        """Rank values, shape (n, n_columns), with mean 0 and variance 1; 0 for a NaN."""
        columns = values.mT.contiguous()
        # Equal values share the middle of their ranks.
        low = torch.searchsorted(self.knots, columns)
        high = torch.searchsorted(self.knots, columns, right=True)
        ranks = (low + high).to(values.dtype) / (2 * N_KNOTS)
        return ((ranks - 0.5) * 12**0.5).masked_fill(columns.isnan(), 0.0).mT
