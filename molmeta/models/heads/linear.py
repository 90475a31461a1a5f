"""The linear head: classical MAML's, a weight vector that the inner steps fit to the assay."""

from typing import Literal

import torch
from torch import Tensor, nn

from molmeta.config import Count
from molmeta.models.head import HEADS, Head
from molmeta.models.heads.visible import shares, visible_classes, weighted_mean


@HEADS.register("linear")
class LinearHead(Head):
    """Scores a query as x·w + b, with w and b meta-learned and adapted by the inner steps.

    With `start: prototypes` they are added to the linear form of the prototypical head, as in
    proto-MAML (Triantafillou et al. 2020, arXiv:1903.03096): with class means c⁺ and c⁻,
    w⁺ − w⁻ = 2 (c⁺ − c⁻) / d and b⁺ − b⁻ = (‖c⁻‖² − ‖c⁺‖²) / d, and w = b = 0 before training.
    There the means are those of the vectors that the head is given, so that each inner step sees
    the current ones. A class of which a query sees no member has its mean at zero.

    >>> import torch
    >>> from molmeta.models import LinearHead
    >>> support, labels = torch.eye(2), torch.tensor([1.0, 0.0])
    >>> LinearHead(dim=2, start="prototypes")(support, labels, support).tolist()
    [1.0, -1.0]

    Args:
        dim: Width of the vectors that it reads: the learner's `projection`.
        start: What the inner steps start from: `learned` weights alone, in which case the support
            set acts through the steps only; or the `prototypes`.
    """

    def __init__(
        self, *, dim: Count = 128, start: Literal["learned", "prototypes"] = "learned"
    ) -> None:
        super().__init__()
        self.dim = dim
        self.start = start
        self.reads_support = start == "prototypes"
        scale = 0.0 if start == "prototypes" else dim**-0.5
        self.weight = nn.Parameter(scale * torch.randn(dim))
        self.bias = nn.Parameter(torch.zeros(()))

    def forward(
        self, support: Tensor, labels: Tensor, query: Tensor, visible: Tensor | None = None
    ) -> Tensor:
        """Compute log-odds of being active, shape (q,).

        Args:
            support: Embeddings of the support set, shape (s, d), or (q, s, d) where each query
                has its own view of it.
            labels: 1 active, 0 inactive, shape (s,).
            query: Embeddings, shape (q, d).
            visible: Shape (q, s), False where a query may not see a support molecule.
        """
        score = query @ self.weight + self.bias
        if self.start == "learned":
            return score
        active, inactive = (
            weighted_mean(shares(members, support.dtype), support)
            for members in visible_classes(labels, visible)
        )
        # ‖x − c⁻‖² − ‖x − c⁺‖² without the ‖x‖² that they share.
        nearer = (query * (active - inactive)).sum(-1) * 2
        return score + (nearer + inactive.square().sum(-1) - active.square().sum(-1)) / len(
            self.weight
        )
