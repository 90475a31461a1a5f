"""Jumping knowledge: which layers' atoms are read out (Xu et al. 2018, arXiv:1806.03536)."""

from collections.abc import Sequence
from typing import Literal

from torch import Tensor, nn
from torch_geometric.nn import JumpingKnowledge as Merge

from molmeta.errors import InputError

Jumping = Literal["last", "concat", "max"]


class JumpingKnowledge(nn.Module):
    """The states of `layers` + 1 depths (before the first layer and after each) → one state.

    Args:
        dim: Width of a state.
        layers: Number of layers.
        mode: `last` takes the last state; `concat` joins all and projects them back to `dim`;
            `max` takes the greatest of each entry.

    Raises:
        InputError: An unknown mode.
    """

    def __init__(self, dim: int, layers: int, mode: Jumping) -> None:
        super().__init__()
        if mode not in ("last", "concat", "max"):
            raise InputError.of("jumping", got=repr(mode), expected="last, concat or max")
        self.merge = None if mode == "last" else Merge("cat" if mode == "concat" else "max")
        self.project = (
            nn.Linear((layers + 1) * dim, dim, bias=False) if mode == "concat" else nn.Identity()
        )

    def forward(self, states: Sequence[Tensor]) -> Tensor:
        """Merge states, each of shape (n, dim) → (n, dim)."""
        merged: Tensor = states[-1] if self.merge is None else self.project(self.merge(states))
        return merged
