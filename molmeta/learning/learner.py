"""The learner: encoder, projection and head, and how they adapt to a new assay."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch_geometric.data import Batch

from molmeta.config import Count, unknown
from molmeta.episodes.episode import Episode, LabelledSet
from molmeta.errors import InputError
from molmeta.learning.adapted import Adapted
from molmeta.learning.device import half_precision
from molmeta.learning.inner import MAML, Parameters
from molmeta.models.aliases import renamed
from molmeta.models.context import Context
from molmeta.models.encoder import Encoder, as_encoder
from molmeta.models.head import Head, as_head
from molmeta.models.known_assays import KnownAssays
from molmeta.models.matcher import Matcher

_MOST_LEFT_OUT, _N_FOLDS = 64, 16
ADAPT = {"matcher": ("matcher",), "all": ("encoder", "matcher"), "head": ("matcher.head",)}


class Learner(nn.Module):
    """Learns a new assay from a few labelled molecules.

    `adapt(support)` takes MAML's inner steps on the support set's own leave-one-out loss (every
    support molecule predicted from the others by the head), or on its marginal likelihood, and
    returns an `Adapted`; the learner itself is never changed.

    >>> import numpy as np
    >>> from molmeta.chem.featurize import featurize
    >>> from molmeta.episodes.batch import make_batch
    >>> from molmeta.models import GINE, MatchingHead
    >>> learner = Learner(GINE(dim=16, layers=1), MatchingHead()).eval()
    >>> molecules = featurize(["CCO", "CCN", "CCC", "c1ccccc1"])
    >>> support = make_batch(molecules, np.arange(3))
    >>> adapted = learner.adapt(LabelledSet(support, torch.tensor([1.0, 0.0, 1.0])))
    >>> adapted.score(make_batch(molecules, np.array([3]))).shape
    torch.Size([1])

    Args:
        encoder: Batch of n molecules → (n, encoder.dim).
        head: Scores queries from the projected vectors of a labelled support set.
        inner: The inner loop; `MAML()` if not given.
        context: Puts the projected vectors in the light of the support set; None for none.
        known_assays: Adds what assays of pre-training say that are like this one; None for none.
        adapt: Which parameters the inner loop moves, in training and in use alike: `matcher` (the
            projection and the head; the encoder's output stays a fixed vector a molecule), `all`,
            `head` (ANIL, Raghu et al. 2020, arXiv:1909.09157), or names of parameters and of
            modules, e.g. `matcher.head` and `encoder.final_norm`.
        projection: Width of the projection between encoder and head.
        bf16: In training the encoder's matrix products are in bfloat16 (autocast); its vectors,
            and all that follows, are float32, and so is a model in use.

    Raises:
        InputError: If the parts contradict each other, e.g. nothing would adapt although the
            inner loop takes steps.
    """

    def __init__(
        self,
        encoder: Encoder,
        head: Head,
        inner: MAML | None = None,
        context: Context | None = None,
        known_assays: KnownAssays | None = None,
        *,
        adapt: Literal["matcher", "all", "head"] | tuple[str, ...] = "matcher",
        projection: Count = 128,
        bf16: bool = False,
    ) -> None:
        super().__init__()
        if isinstance(adapt, str) and adapt not in ADAPT:
            raise InputError.of(
                "adapt", got=repr(adapt), expected=f"one of {', '.join(ADAPT)}, or a list of names"
            )
        self.encoder = as_encoder(encoder)
        self.matcher = Matcher(encoder, as_head(head), context, projection, known_assays)
        self.inner = inner or MAML()
        self.bf16 = bf16
        self.adapt_names = ADAPT[adapt] if isinstance(adapt, str) else tuple(adapt)
        # Found once, since walks over all modules for every episode took a tenth of a step.
        self._places = _places(self)
        self._adapted = [name for name in self._places if _belongs(name, self.adapt_names)]
        self._check()
        self.inner.learn_rates(self.adapted_parameters())

    def _check(self) -> None:
        """Refuse parts that contradict each other."""
        kind = type(self.matcher.head).__name__
        names = [name for name, _ in self.named_parameters() if not name.startswith("inner.")]
        for name in self.adapt_names:
            if not any(_belongs(parameter, (name,)) for parameter in names):
                raise unknown("name in learner.adapt", name, _owners(names))
        if self.inner.steps and not self.adapted_parameters():
            raise InputError.of(
                f"learner.adapt: {', '.join(self.adapt_names)}",
                got=f"no parameter that could adapt in inner.steps: {self.inner.steps} "
                f"(the head is a {kind})",
                fix="Let something adapt that has trainable parameters, or set inner.steps: 0.",
            )
        if not (self.inner.steps or self.reads_support):
            raise InputError.of(
                "inner.steps: 0",
                got=f"a {kind}, whose scores depend on the support set through inner steps alone",
                fix="Take a step, or another head.",
            )

        if self.inner.loss == "likelihood":
            self._check_likelihood()
        known_assays = self.matcher.known_assays
        if known_assays is not None and not self.embeds_once:
            raise InputError.of(
                f"known_assays.rank: {known_assays.rank}",
                got=f"learner.adapt: {', '.join(self.adapt_names)}, which moves the encoder that "
                "their readouts belong to",
                fix="Use `adapt: matcher` or `adapt: head`, or leave known_assays out.",
            )

    def _check_likelihood(self) -> None:
        kind = type(self.matcher.head).__name__
        if self.matcher.head.has_likelihood and self.matcher.context is None:
            return
        raise InputError.of(
            "inner.loss: likelihood",
            got=f"a {kind}" + ("" if self.matcher.context is None else " behind a context"),
            expected="a matching head with attention: ridge, and no context",
            fix="Use inner.loss: leave_one_out.",
        )

    @property
    def reads_support(self) -> bool:
        """Tell whether scores depend on the support set without any inner step."""
        return self.matcher.head.reads_support or self.matcher.context is not None

    @property
    def continuous(self) -> bool:
        """Tell whether labels and scores are values instead of classes and log-odds."""
        return self.matcher.head.continuous

    @property
    def device(self) -> torch.device:
        """The device on which the learner computes."""
        return next(self.parameters()).device

    def adapted_parameters(self) -> Parameters:
        """Find the parameters that the inner loop moves, by name."""
        named = {name: getattr(*self._places[name][0]) for name in self._adapted}
        return {name: value for name, value in named.items() if value.requires_grad}

    @property
    def embeds_once(self) -> bool:
        """Tell whether a molecule's embedding is the same for every assay."""
        return not any(
            name.startswith("encoder.") and getattr(*self._places[name][0]).requires_grad
            for name in self._adapted
        )

    @property
    def projects_once(self) -> bool:
        """Tell whether a molecule's projection is the same for every assay too."""
        moved = self._adapted if self.inner.steps else []
        return self.embeds_once and not any(
            _belongs(name, ("matcher.projection",)) for name in moved
        )

    def encode(self, molecules: Batch | Tensor, parameters: Parameters | None = None) -> Tensor:
        """Embeddings, shape (n, encoder.dim); what is embedded already passes through.

        Raises:
            InputError: If stored embeddings meet an encoder that adapts to each assay.
        """
        parameters = parameters or {}
        if isinstance(molecules, Tensor):
            if any(name.startswith("encoder.") for name in parameters):
                raise InputError.of(
                    "stored embeddings",
                    got="a learner with `adapt: all`, whose encoder changes with each assay",
                    expected="molecules",
                    fix="Use a model trained with `adapt: matcher`.",
                )
            return molecules
        with half_precision(self.encoder, self.bf16 and self.training), self.holding(parameters):
            vectors: Tensor = self.encoder(molecules)
        return vectors.float() if vectors.dtype == torch.bfloat16 else vectors

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
            parameters = self.inner.adapt(
                lambda moved: self._support_loss(moved, fixed, support.labels),
                self.adapted_parameters(),
                steps=steps,
                differentiable=differentiable,
            )
            return Adapted(self, parameters, self.encode(fixed, parameters), support.labels)

    def outer_loss(self, episode: Episode) -> Tensor:
        """Compute the query loss after adaptation, to be differentiated through it.

        For Reptile, which has none, it is the sum of the inner losses on the way.

        Args:
            episode: Support and query set.
        """
        if self.inner.order == "reptile":
            return self._loss_on_the_way(episode)
        labels = episode.support.labels
        if self.embeds_once:
            episode = self._embedded(episode, {})
        parameters = self.inner.adapt(
            lambda moved: self._support_loss(moved, episode.support.molecules, labels),
            self.adapted_parameters(),
        )
        if not self.embeds_once:
            episode = self._embedded(episode, parameters)
        scores = self.scores(parameters, episode.support.molecules, labels, episode.query.molecules)
        return self.losses(scores, episode.query.labels).mean()

    def _loss_on_the_way(self, episode: Episode) -> Tensor:
        """Sum the inner losses of all of an episode's molecules, Σᵢ L(θᵢ), before each step.

        Each θᵢ is θ less what is taken as a constant. So the gradient is Σᵢ ∇L(θᵢ) = (θ − θₖ) / α
        for what adapts, and for what does not the limit of this as its α falls to zero.
        """
        labels = torch.cat([episode.support.labels, episode.query.labels])
        fixed = self._embed_all(episode, {}) if self.embeds_once else None
        losses: list[Tensor] = []

        def loss(moved: Parameters) -> Tensor:
            vectors = self._embed_all(episode, moved) if fixed is None else fixed
            losses.append(self._inner_loss(moved, vectors, labels))
            return losses[-1]

        self.inner.adapt(loss, self.adapted_parameters())
        return torch.stack(losses).sum()

    def _embed_all(self, episode: Episode, parameters: Parameters) -> Tensor:
        """Embed all of an episode's molecules, the support set's first, in one pass if it can be.

        Shape (s + q, encoder.dim).
        """
        if episode.joint is not None:
            return self.encode(episode.joint, parameters)
        parts = episode.support, episode.query
        return torch.cat([self.encode(part.molecules, parameters) for part in parts])

    def _embedded(self, episode: Episode, parameters: Parameters) -> Episode:
        """Embed the episode, by one pass of the encoder where it carries a joint batch.

        The support set has none where the adapted scores do not depend on them.
        """
        support, query = episode.support, episode.query
        if not (self.reads_support or self.embeds_once):
            vectors = self.encode(query.molecules, parameters)
            parts = [vectors[:0], vectors]
        else:
            vectors = self._embed_all(episode, parameters)
            parts = [vectors[: len(support)], vectors[len(support) :]]
        return Episode(
            episode.assay_id,
            LabelledSet(parts[0], support.labels),
            LabelledSet(parts[1], query.labels),
        )

    def scores(
        self,
        parameters: Parameters,
        support: Tensor,
        labels: Tensor,
        query: Tensor,
        visible: Tensor | None = None,
    ) -> Tensor:
        """Log-odds from embeddings under given parameters, shape (q,)."""
        with self.holding(parameters):
            scores: Tensor = self.matcher(support, labels, query, visible)
        return scores

    @contextmanager
    def holding(self, parameters: Parameters) -> Iterator[None]:
        """While it lasts, these parameters stand in the place of the learner's own.

        As `torch.func.functional_call` does it, but for its walks from module to module.
        """
        own = []
        try:
            for name, value in parameters.items():
                for module, leaf in self._places[name]:
                    own.append((module, leaf, module._parameters[leaf]))
                    module._parameters[leaf] = value  # type: ignore[assignment]
            yield
        finally:
            for module, leaf, parameter in own:
                module._parameters[leaf] = parameter

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *rest: Any) -> None:
        """Take what earlier versions saved, too."""
        found = renamed(state_dict, self.state_dict().keys())
        state_dict.clear()
        state_dict.update(found)
        super()._load_from_state_dict(state_dict, prefix, *rest)

    def leave_one_out(
        self, parameters: Parameters, embeddings: Tensor, labels: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Score each support molecule from the others, above 64 from those of the other folds.

        Its own label is masked before anything sees it.

        Returns:
            Scores, shape (n,); and which of them count, shape (n,): those who see both classes
            in the others, if classes are predicted from the support set.
        """
        others = _others(embeddings)
        scores = self.scores(parameters, embeddings, labels, embeddings, others)
        if self.continuous or not self.reads_support:
            return scores, torch.full_like(others[0], len(labels) > 1 or not self.reads_support)
        active = labels > 0.5
        return scores, (others & active).any(-1) & (others & ~active).any(-1)

    def losses(self, scores: Tensor, labels: Tensor) -> Tensor:
        """Compute the losses, shape (n,): cross-entropy, or half the square if continuous."""
        if self.continuous:
            return (scores - labels).square() / 2
        return functional.binary_cross_entropy_with_logits(scores, labels, reduction="none")

    def _support_loss(
        self, parameters: Parameters, molecules: Batch | Tensor, labels: Tensor
    ) -> Tensor:
        """Compute the inner loss on a support set."""
        return self._inner_loss(parameters, self.encode(molecules, parameters), labels)

    def _inner_loss(self, parameters: Parameters, embeddings: Tensor, labels: Tensor) -> Tensor:
        """Compute the inner loss from embeddings.

        That of left-out molecules is exactly zero, hence no step is taken, where none counts.
        """
        if self.inner.loss == "likelihood":
            with self.holding(parameters):
                return self.matcher.likelihood_loss(embeddings, labels)
        scores, counts = self.leave_one_out(parameters, embeddings, labels)
        losses = self.losses(scores, labels)
        return losses.where(counts, 0.0).sum() / counts.sum().clamp(min=1)


def _others(embeddings: Tensor) -> Tensor:
    """Choose the molecules that each one is predicted from, (n, n).

    All others, or those of other folds.

    Folds depend on the vectors alone: the support set has no order, and folds that depended on
    labels would tell of them. Neighbours along a fixed direction lie in different folds.
    """
    n = len(embeddings)
    if n <= _MOST_LEFT_OUT:
        return ~torch.eye(n, dtype=torch.bool, device=embeddings.device)
    own = embeddings.detach().double()
    direction = torch.arange(own.shape[1], dtype=own.dtype, device=own.device).cos()
    folds = (own @ direction).argsort().argsort() % _N_FOLDS
    return folds.unsqueeze(1) != folds


def _places(root: nn.Module) -> dict[str, list[tuple[nn.Module, str]]]:
    """Find the modules that hold each parameter, and its name there; several if it is tied."""
    names = {parameter: name for name, parameter in root.named_parameters()}
    places: dict[str, list[tuple[nn.Module, str]]] = {name: [] for name in names.values()}
    for module in root.modules():
        for leaf, parameter in module.named_parameters(recurse=False, remove_duplicate=False):
            places[names[parameter]].append((module, leaf))
    return places


def _belongs(parameter: str, names: Iterable[str]) -> bool:
    """Tell whether a parameter is one of `names`, or lies in a module of such a name."""
    return any(f"{parameter}.".startswith(f"{name}.") for name in names)


def _owners(parameters: Iterable[str]) -> set[str]:
    """Collect the names of parameters and of all modules that they lie in."""
    parts = [name.split(".") for name in parameters]
    return {".".join(part[:depth]) for part in parts for depth in range(1, len(part) + 1)}
