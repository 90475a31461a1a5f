"""Known assays: a score from the pre-training assays that resemble a new one.

The molecules of a support set show the kind of its assay, before any label is read: a series
of kinase inhibitors was measured on a kinase. So the pre-training's readouts (a logistic regression
on the encoder's vectors for each assay) are kept, and those whose molecules lie near the support
set's and whose predictions fit its labels are averaged into a score of their own.
"""

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from molmeta.config import CountOrNone, Positive


class KnownAssays(nn.Module):
    """A mixture of known assays' readouts, chosen by the support set.

    Assay t is known by its place m, the mean direction of its molecules from the centre of all
    molecules, and its readout v, b. With p the support set's place and n its size, t's share is a
    softmax of β cos(p, m) + γ f Σ log P(y | v·x + b) over the support molecules, and the mixture's
    log-odds count δ f, with f = 32 / (32 + n): the log-likelihoods of many labels would leave a
    single assay, and the more labels there are, the better the support set speaks for itself.
    Places and readouts are kept in `rank` dimensions each.

    Known assays mislead where the support set is neither a panel, whose molecules many assays
    measured, nor a chemical series. So δ is multiplied by .1 + .9 g, g = 1 − (1 − r⁴)(1 − h²), with
    r the share of support molecules that are recalled, h = ρ / .4, at most 1, and ρ the mean cosine
    of two support molecules' directions from the centre. No label enters g.

    >>> import torch
    >>> from molmeta.models import KnownAssays
    >>> known = KnownAssays(4, rank=2)
    >>> known.remember(torch.eye(4), torch.arange(4), torch.tensor([0, 0, 1, 1]), torch.ones(2, 5))
    >>> len(known), known.describe(torch.eye(4)).shape
    (2, torch.Size([4, 6]))

    Args:
        dim: Width of the encoder's `vector` column.
        rank: Dimensions that places and readouts are kept in.
        sharpness: Initial β; learned.
        trust: Initial γ; learned.
        weight: Initial δ; learned.

    Attributes:
        width: Of what `describe` gives.
    """

    centre: Tensor
    directions: Tensor
    places: Tensor
    mean_readout: Tensor
    axes: Tensor
    readouts: Tensor
    biases: Tensor

    def __init__(
        self,
        dim: int,
        *,
        rank: CountOrNone = 0,
        sharpness: Positive = 10.0,
        trust: Positive = 0.5,
        weight: Positive = 0.7,
    ) -> None:
        super().__init__()
        self.rank = rank
        self.width = 2 * rank + 2
        self.log_sharpness = nn.Parameter(torch.tensor(math.log(sharpness)))
        self.log_trust = nn.Parameter(torch.tensor(math.log(trust)))
        self.log_weight = nn.Parameter(torch.tensor(math.log(weight)))
        self.register_buffer("centre", torch.zeros(dim))
        self.register_buffer("directions", torch.zeros(rank, dim))
        self.register_buffer("places", torch.zeros(0, rank))
        self.register_buffer("mean_readout", torch.zeros(dim))
        self.register_buffer("axes", torch.zeros(rank, dim))
        self.register_buffer("readouts", torch.zeros(0, rank))
        self.register_buffer("biases", torch.zeros(0))

    def __len__(self) -> int:
        return len(self.biases)

    @torch.no_grad()
    def remember(self, vectors: Tensor, molecules: Tensor, assays: Tensor, readout: Tensor) -> None:
        """Keep t assays, in place of those that were kept.

        Args:
            vectors: The encoder's, of m molecules, (m, dim).
            molecules: Which molecule each label belongs to, (n,).
            assays: Which assay, (n,), from 0 to t − 1.
            readout: Each assay's weights and, in the last column, bias, (t, dim + 1).
        """
        self.centre.copy_(vectors.mean(0))
        each = functional.normalize(vectors - self.centre, dim=-1)
        sums = each.new_zeros(len(readout), each.shape[1]).index_add_(0, assays, each[molecules])
        means = functional.normalize(sums, dim=-1)
        weights, self.biases = readout[:, :-1], readout[:, -1].clone()
        self.directions.copy_(_principal(means - means.mean(0), self.rank))
        self.places = functional.normalize(means @ self.directions.mT, dim=-1)
        self.mean_readout.copy_(weights.mean(0))
        self.axes.copy_(_principal(weights - self.mean_readout, self.rank))
        self.readouts = (weights - self.mean_readout) @ self.axes.mT

    def describe(self, vectors: Tensor, recalled: Tensor | None = None) -> Tensor:
        """Describe vectors, (…, dim), for the comparison with known assays, (…, width).

        Args:
            vectors: The encoder's, of molecules.
            recalled: Whether each has an activity profile of many assays, (…, 1); None where an
                encoder recalls none: then all count as if they had.
        """
        place = functional.normalize(vectors - self.centre, dim=-1) @ self.directions.mT
        common = (vectors @ self.mean_readout).unsqueeze(-1)
        flag = torch.ones_like(common) if recalled is None else recalled.to(common.dtype)
        return torch.cat([place, vectors @ self.axes.mT, common, flag], -1)

    def forward(
        self, support: Tensor, labels: Tensor, query: Tensor, visible: Tensor | None = None
    ) -> Tensor:
        """Compute the mixture's log-odds, (q,); arguments as of heads, of what `describe` gave."""
        return self.log_odds(self.mix(support, labels, visible), query)

    def mix(self, support: Tensor, labels: Tensor, visible: Tensor | None = None) -> Tensor:
        """Mix the known assays: weights on a described query and a bias, (1, rank + 2).

        Args:
            support: As `describe` gave it, (s, width).
            labels: 1 active, 0 inactive, (s,).
            visible: (q, s), False where a query may not see a support molecule: a mixture each,
                (q, rank + 2).
        """
        seen = labels.new_ones(1, len(labels)) if visible is None else visible.to(support.dtype)
        few = fading(seen.sum(-1, keepdim=True))
        place = functional.normalize(seen @ support[:, : self.rank], dim=-1)
        read = support[:, self.rank : -2] @ self.readouts.mT + support[:, -2:-1] + self.biases
        each = functional.binary_cross_entropy_with_logits(
            read, labels.unsqueeze(-1).expand_as(read), reduction="none"
        )
        shares = torch.softmax(
            self.log_sharpness.exp() * (place @ self.places.mT)
            - self.log_trust.exp() * few * (seen @ each),
            dim=-1,
        )
        mixed = [shares @ self.readouts, torch.ones_like(few), (shares @ self.biases).unsqueeze(-1)]
        return self.log_weight.exp() * few * self._gate(support, seen) * torch.cat(mixed, -1)

    def _gate(self, support: Tensor, seen: Tensor) -> Tensor:
        """Compute .1 + .9 g of what is seen of a support set, (1, 1) or (q, 1)."""
        n = seen.sum(-1, keepdim=True)
        recalled = (seen @ support[:, -1:]) / n.clamp(min=1)
        total = seen @ functional.normalize(support[:, : self.rank], dim=-1)
        likeness = (total.square().sum(-1, keepdim=True) - n) / (n * (n - 1)).clamp(min=1)
        series = (likeness / _SERIES).clamp(0, 1)
        return _LEAST + (1 - _LEAST) * (1 - (1 - recalled**4) * (1 - series**2))

    def log_odds(self, mixture: Tensor, query: Tensor) -> Tensor:
        """Read log-odds, (q,), off what `describe` gave, (q, width), under one mixture or each."""
        read, weights, bias = query[:, self.rank : -1], mixture[:, :-1], mixture[:, -1]
        if len(mixture) == 1:
            return read @ weights[0] + bias
        return (read * weights).sum(-1) + bias

    def _load_from_state_dict(self, state_dict: Mapping[str, Any], prefix: str, *rest: Any) -> None:
        """Make room for as many assays as are saved."""
        for name in ("places", "readouts", "biases"):
            saved = state_dict.get(prefix + name)
            if saved is not None:
                setattr(self, name, getattr(self, name).new_zeros(saved.shape))
        super()._load_from_state_dict(state_dict, prefix, *rest)


_LABELS = 32
_LEAST, _SERIES = 0.1, 0.4


def fading(n: Tensor) -> Tensor:
    """Compute the weight beside n labels of what is known without them: 32 / (32 + n)."""
    return _LABELS / (_LABELS + n)


def _principal(rows: Tensor, rank: int) -> Tensor:
    """Compute the first principal directions of centred rows, (rank, d); zeros beyond them.

    Of an eigenvector either sign will do; one of them is chosen, so that all processes agree.
    """
    vectors = torch.linalg.svd(rows, full_matrices=False).Vh[:rank]
    signs = vectors.gather(1, vectors.abs().argmax(1, keepdim=True)).sign()
    return functional.pad(vectors * signs, (0, 0, 0, rank - len(vectors)))
