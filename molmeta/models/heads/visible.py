"""The support molecules that each query sees, for every head.

Shapes: s support molecules, q queries, d dimensions. A support set is (s, d), the same for all
queries, or (q, s, d) where each query has its own view of it (under a context, a left-out molecule
changes the others' vectors). `visible`, (q, s), is False where a query may not see a molecule.
"""

import torch
from torch import Tensor


def visible_classes(labels: Tensor, visible: Tensor | None) -> tuple[Tensor, Tensor]:
    """Find the active and the inactive molecules that are seen, each (1, s) or (q, s), bool."""
    active = (labels > 0.5).unsqueeze(0)
    if visible is None:
        return active, ~active
    return visible & active, visible & ~active


def shares(members: Tensor, dtype: torch.dtype) -> Tensor:
    """Weigh the members equally, (b, s); a row sums to one, or to zero where it is empty."""
    return members.to(dtype) / members.sum(-1, keepdim=True).clamp(min=1)


def weighted_mean(weights: Tensor, support: Tensor) -> Tensor:
    """Compute Σᵢ wᵢ xᵢ: weights (b, s) or (q, s), support (s, d) or (q, s, d) → (b, d)."""
    if support.ndim == 2:
        return weights @ support
    return (weights.unsqueeze(-2) @ support).squeeze(-2)


def log_ratio(active: Tensor, inactive: Tensor, dtype: torch.dtype) -> Tensor:
    """Compute log n⁺/n⁻ of what is seen, (b,); an absent class counts as one molecule."""
    n_active, n_inactive = (
        members.sum(-1).clamp(min=1).to(dtype) for members in (active, inactive)
    )
    return (n_active / n_inactive).log()
