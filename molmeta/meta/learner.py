"""The learner: encoder, projection and head, and how they adapt to a new assay."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional
from torch_geometric.data import Batch

from molmeta.config import Count
from molmeta.episodes.episode import LabelledSet
from molmeta.errors import InputError
from molmeta.meta.inner import MAML, Parameters

ADAPT = {"above": ("above.",), "all": ("",), "head": ("above.head.",)}


class Above(nn.Module):
    """What stands above the encoder: a projection and the head."""

    def __init__(self, projection: nn.Linear, head: nn.Module) -> None:
        super().__init__()
        self.projection = projection
        self.head = head

    def forward(
        self, support: Tensor, labels: Tensor, query: Tensor, visible: Tensor | None = None
    ) -> Tensor:
        """Log-odds of the queries, shape (q,), from the encoder's embeddings."""
        scores: Tensor = self.head(
            self.projection(support), labels, self.projection(query), visible
        )
        return scores


class Learner(nn.Module):
    """Learns a new assay from a few labelled molecules.

    `adapt(support)` takes MAML's inner steps on the support set's own leave-one-out loss (every
    support molecule predicted from the others by the head) and returns an `Adapted`; the learner
    itself is never changed.

    Args:
        encoder: Graph batch → (n, encoder.dim).
        head: (support, labels, query, visible) → log-odds.
        inner: The inner loop; `MAML()` if not given.
        adapt: Which parameters the inner loop moves, in training and in use alike: `above` (the
            projection and the head; the encoder's output stays a fixed vector a molecule), `all`,
            or `head`.
        projection: Width of the projection between encoder and head.

    Raises:
        InputError: If nothing would adapt although the inner loop takes steps.
    """

    def __init__(
        self,
        encoder: nn.Module,
        head: nn.Module,
        inner: MAML | None = None,
        *,
        adapt: Literal["above", "all", "head"] = "above",
        projection: Count = 128,
    ) -> None:
        super().__init__()
        if adapt not in ADAPT:
            raise InputError.of("adapt", got=repr(adapt), expected=f"one of {', '.join(ADAPT)}")
        self.encoder = encoder
        self.above = Above(nn.Linear(int(encoder.dim), projection), head)  # type: ignore[arg-type]
        self.inner = inner or MAML()
        self.adapt_group = adapt
        if self.inner.steps and not self.adapted_parameters():
            raise InputError.of(f"adapt: {adapt}", got="no parameter that could adapt")

    def adapted_parameters(self) -> Parameters:
        """The parameters that the inner loop moves, by name."""
        prefixes = ADAPT[self.adapt_group]
        return {
            name: value
            for name, value in self.named_parameters()
            if name.startswith(prefixes) and value.requires_grad
        }

    @property
    def embeds_once(self) -> bool:
        """Whether a molecule's embedding is the same for every assay."""
        return not any(name.startswith("encoder.") for name in self.adapted_parameters())

    def encode(self, molecules: Batch | Tensor, parameters: Parameters | None = None) -> Tensor:
        """Embeddings, shape (n, encoder.dim); what is embedded already passes through.

        Raises:
            InputError: If stored embeddings meet an encoder that adapts to each assay.
        """
        own = under("encoder.", parameters or {})
        if isinstance(molecules, Tensor):
            if own:
                raise InputError.of(
                    "stored embeddings",
                    got="a learner with `adapt: all`, whose encoder changes with each assay",
                    expected="molecules",
                    fix="Use a model trained with `adapt: above`.",
                )
            return molecules
        embedded: Tensor = functional_call(self.encoder, own, (molecules,))
        return embedded

    def adapt(
        self, support: LabelledSet, *, steps: int | None = None, differentiable: bool | None = None
    ) -> Adapted:
        """Adapt to the assay of `support`.

        Args:
            support: Two or more molecules; a class with a single member takes no part in the
                inner loss.
            steps: Instead of the inner loop's own number.
            differentiable: Whether the outer loss is to be differentiated through the
                adaptation; by default as in `self.training`.
        """
        differentiable = self.training if differentiable is None else differentiable
        with torch.set_grad_enabled(differentiable):
            fixed = self.encode(support.molecules) if self.embeds_once else support.molecules
            start = self.adapted_parameters()
            parameters = self.inner.adapt(
                lambda moved: self._support_loss(moved, fixed, support.labels),
                start,
                steps=steps,
                differentiable=differentiable,
            )
            return Adapted(self, parameters, self.encode(fixed, parameters), support.labels)

    @torch.no_grad()
    def centre(self, embeddings: Tensor) -> None:
        """Set the projection's bias so that these embeddings, shape (n, dim), project around zero.

        An untrained encoder gives all molecules much the same direction (cosines of 0.96 ± 0.04),
        which tells the head little; around their centre the directions differ (0.0 ± 0.6). As an
        initialisation from data it follows Salimans and Kingma 2016, arXiv:1602.07868, section 3.
        """
        projection = self.above.projection
        projection.bias.copy_(-(projection.weight @ embeddings.mean(0)))

    def scores(
        self,
        parameters: Parameters,
        support: Tensor,
        labels: Tensor,
        query: Tensor,
        visible: Tensor | None = None,
    ) -> Tensor:
        """Log-odds from embeddings under given parameters, shape (q,)."""
        result: Tensor = functional_call(
            self.above, under("above.", parameters), (support, labels, query, visible)
        )
        return result

    def leave_one_out(
        self, parameters: Parameters, embeddings: Tensor, labels: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Each support molecule scored from the others.

        Its own label is masked before anything sees it.

        Returns:
            Log-odds, shape (n,); and which of them count: those whose class has another member,
            shape (n,).
        """
        others = ~torch.eye(len(labels), dtype=torch.bool, device=labels.device)
        scores = self.scores(parameters, embeddings, labels, embeddings, others)
        active = labels.bool()
        n_of_class = torch.where(active, active.sum(), (~active).sum())
        return scores, (n_of_class > 1) & active.any() & ~active.all()

    def _support_loss(
        self, parameters: Parameters, molecules: Batch | Tensor, labels: Tensor
    ) -> Tensor:
        """The inner loss; exactly zero, hence no step, where no molecule counts."""
        scores, counts = self.leave_one_out(parameters, self.encode(molecules, parameters), labels)
        losses = functional.binary_cross_entropy_with_logits(scores, labels, reduction="none")
        return losses.where(counts, 0.0).sum() / counts.sum().clamp(min=1)


@dataclass(frozen=True)
class Adapted:
    """A learner adapted to one assay.

    Attributes:
        learner: Where it comes from; unchanged.
        parameters: The adapted parameters, by name.
        support: Embeddings of the support set under them, shape (s, d).
        labels: Of the support set, shape (s,).
    """

    learner: Learner
    parameters: Parameters
    support: Tensor
    labels: Tensor

    def score(self, molecules: Batch | Tensor) -> Tensor:
        """Log-odds of being active, shape (n,), from graphs or stored embeddings."""
        query = self.learner.encode(molecules, self.parameters)
        return self.learner.scores(self.parameters, self.support, self.labels, query)

    def loss(self, query: LabelledSet) -> Tensor:
        """The outer loss: mean binary cross-entropy over the query set."""
        return functional.binary_cross_entropy_with_logits(
            self.score(query.molecules), query.labels
        )


def under(prefix: str, parameters: Mapping[str, Tensor]) -> Parameters:
    """Those tensors whose names begin with `prefix`, without it."""
    return {
        name.removeprefix(prefix): value
        for name, value in parameters.items()
        if name.startswith(prefix)
    }
