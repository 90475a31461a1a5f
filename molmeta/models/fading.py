"""What is known before any label fades as labels come in."""

from __future__ import annotations

from torch import Tensor

_LABELS = 32


def fading(n: Tensor) -> Tensor:
    """How much it counts beside n labels: 32 / (32 + n), half at 32; in the shape of n."""
    return _LABELS / (_LABELS + n)
