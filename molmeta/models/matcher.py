"""The matcher: from the encoder's vectors to scores; it adapts to an assay by default."""

from typing import Any

import torch
from torch import Tensor, nn

from molmeta.errors import InputError
from molmeta.models.columns import Columns
from molmeta.models.context import Context
from molmeta.models.encoder import Encoder
from molmeta.models.head import AttentionHead, Head
from molmeta.models.known_assays import KnownAssays


class Matcher(nn.Module):
    """Projection, context, head and known assays: an encoder's rows → scores.

    The projection and the context change the encoder's own vector; the other columns of its rows
    pass by them, to heads that read them. The log-odds of known assays, which are read off the
    encoder's own vectors, are added to the head's.

    >>> import torch
    >>> from molmeta.models import GINE, MatchingHead
    >>> from molmeta.models.matcher import Matcher
    >>> matcher = Matcher(GINE(dim=8, layers=1), MatchingHead(), None, projection=4)
    >>> matcher(torch.eye(2, 8), torch.tensor([1.0, 0.0]), torch.ones(3, 8)).shape
    torch.Size([3])

    Args:
        encoder: Its `columns` are read.
        head: Scores queries.
        context: Between projection and head; None for none.
        projection: Width of the projection.
        known_assays: Assays of pre-training; None for none.

    Raises:
        InputError: If the parts do not fit each other.
    """

    def __init__(
        self,
        encoder: Encoder,
        head: Head,
        context: Context | None,
        projection: int,
        known_assays: KnownAssays | None = None,
    ) -> None:
        super().__init__()
        self._encoded = encoder.columns
        beside = dict(self._encoded.widths())
        self.projection = nn.Linear(beside.pop("vector"), projection)
        # Angles are what heads look at: they pass an orthogonal map unchanged.
        nn.init.orthogonal_(self.projection.weight)
        self.context = context
        self.head = head
        self.known_assays = known_assays
        described = 0 if known_assays is None else known_assays.width
        self._projected = Columns(vector=projection, **beside, known_assays=described)
        self._recalled = _recalled(encoder)
        self._check(projection)
        self._head_reads = self._projected.only({"vector", *head.reads})
        self._beside = self._encoded.only(beside)
        head.bind(self._head_reads)

    def _check(self, projection: int) -> None:
        context = None if self.context is None else self.context.dim
        for name, width in (("head", self.head.dim), ("context", context)):
            if width not in (None, projection):
                raise InputError.of(
                    f"{name}.dim: {width}",
                    got=f"vectors of learner.projection: {projection}",
                    fix=f"Set {name}.dim to {projection}.",
                )
        for name, part in (("context", self.context), ("known_assays", self.known_assays)):
            if part is not None and self.head.continuous:
                raise InputError.of(
                    name, got="a head of continuous labels", expected="a head of two classes"
                )

    def forward(
        self, support: Tensor, labels: Tensor, query: Tensor, visible: Tensor | None = None
    ) -> Tensor:
        """Score the encoder's rows.

        Args:
            support: Shape (s, encoder.dim).
            labels: Shape (s,).
            query: Shape (q, encoder.dim).
            visible: Shape (q, s), False where a query may not see a support molecule; None where
                each query sees all.

        Returns:
            What the head gives, with the known assays' log-odds: shape (q,).
        """
        return self._compare(self.project(support), labels, self.project(query), visible)

    def likelihood_loss(self, support: Tensor, labels: Tensor) -> Tensor:
        """Compute the head's negative log marginal likelihood a label, of the encoder's rows.

        Known assays have no part in it, and there is no context.

        Raises:
            InputError: If the head has none.
        """
        rows = self._projected.select(self.project(support), self._head_reads)
        return self.head.likelihood_loss(rows, labels)

    def attention(self, support: Tensor, labels: Tensor, query: Tensor) -> Tensor:
        """Compute the head's weights of support molecules, shape (q, s), from encoder's rows."""
        support, query = self._in_context(self.project(support), labels, self.project(query), None)
        return self._attention_head.weights(support, query)

    def contributions(self, support: Tensor, labels: Tensor, query: Tensor) -> Tensor:
        """Compute what each support molecule adds to scores, shape (q, s), from encoder's rows."""
        support, query = self._in_context(self.project(support), labels, self.project(query), None)
        return self._attention_head.contributions(support, labels, query)

    def covariance(self, support: Tensor, labels: Tensor, query: Tensor | None) -> Tensor:
        """Compute the covariance of values with those of the support set, from encoder's rows.

        That of the head, k(x, xᵢ), plus z zᵢ, the log-odds that the known assays give: each support
        molecule's from the labels of the others.

        Args:
            support: Shape (s, encoder.dim).
            labels: 1 where a value is above the median, else 0, (s,).
            query: Shape (q, encoder.dim); None for the support molecules themselves.

        Returns:
            Shape (q, s + 1): with each support molecule, and in the last column with itself.

        Raises:
            InputError: If the head has no covariance.
        """
        known = self.project(support)
        asked = known if query is None else self.project(query)
        rows, each = (self._projected.select(part, self._head_reads) for part in (known, asked))
        alone = each.unsqueeze(-2)
        own = self.head.covariance(alone, alone).flatten(-2)
        found = torch.cat([self.head.covariance(each, rows), own], -1)
        if self.known_assays is None:
            return found
        described = self._apart(known)[1]
        others = ~torch.eye(len(labels), dtype=torch.bool, device=labels.device)
        z: Tensor = self.known_assays(described, labels, described, others)
        of = z if query is None else self.known_assays(described, labels, self._apart(asked)[1])
        said: Tensor = torch.cat([z.expand(len(of), -1), of.unsqueeze(-1)], -1)
        return found + of.unsqueeze(-1) * said

    @property
    def has_covariance(self) -> bool:
        """Return whether there is a `covariance`: context, which moves vectors, leaves none."""
        return self.head.has_likelihood and self.context is None

    @property
    def explains(self) -> bool:
        """Return whether the head says how much each support molecule weighs in a score."""
        return isinstance(self.head, AttentionHead)

    @property
    def _attention_head(self) -> AttentionHead:
        if not isinstance(self.head, AttentionHead):
            raise InputError.of(
                "weights of support molecules",
                got=f"a {type(self.head).__name__}, which compares with none of them alone",
                expected="a model with a matching head",
            )
        return self.head

    def project(self, rows: Tensor) -> Tensor:
        """Project the encoder's rows, (n, encoder.dim) → (n, width).

        The projected vector; the other columns; the vector that known assays are compared by.
        """
        own = rows[..., self._encoded["vector"]]
        parts = [self.projection(own)]
        if self._beside:
            parts.append(self._encoded.select(rows, self._beside))
        if self.known_assays is not None:
            recalled = self._recalled and rows[..., self._recalled].any(-1, keepdim=True)
            parts.append(self.known_assays.describe(own, recalled))
        return torch.cat(parts, -1) if len(parts) > 1 else parts[0]

    @property
    def prepared_dim(self) -> int:
        """Count the columns that `prepare` gives."""
        return int(self.prepare(self.projection.weight.new_zeros(1, self._encoded.dim)).shape[-1])

    def prepare(self, rows: Tensor) -> Tensor:
        """Precompute what is the same for all support sets, (n, encoder.dim) → (n, prepared_dim).

        The projection, and what the head's `prepare` makes of it if no context stands between.
        """
        projected = self.project(rows)
        if self.context is not None:
            return projected
        prepared = self.head.prepare(self._projected.select(projected, self._head_reads))
        if self.known_assays is None:
            return prepared
        return torch.cat([prepared, projected[..., self._projected["known_assays"]]], -1)

    def fit(self, support: Tensor, labels: Tensor) -> tuple[Any, Any]:
        """Precompute the part of the score that depends on a prepared support set alone.

        Args:
            support: What `prepare` gave, shape (s, prepared_dim).
            labels: Shape (s,).

        Returns:
            What `score` takes; under a context, which looks at each query, no more than that.
        """
        if self.context is not None:
            return support, labels
        rows, described = self._apart(support)
        known = None if self.known_assays is None else self.known_assays.mix(described, labels)
        return self.head.fit(rows, labels), known

    def score(self, fitted: tuple[Any, Any], query: Tensor) -> Tensor:
        """Score prepared queries, (q, prepared_dim) → (q,), under what `fit` gave."""
        if self.context is not None:
            return self._compare(*fitted, query, None)
        of_head, mixture = fitted
        rows, described = self._apart(query)
        scores = self.head.score(of_head, rows)
        if self.known_assays is not None:
            scores = scores + self.known_assays.log_odds(mixture, described)
        return scores

    def _apart(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Divide rows into what context and head read, and what known assays do, which is last."""
        width = rows.shape[-1] - (0 if self.known_assays is None else self.known_assays.width)
        return rows[..., :width], rows[..., width:]

    def _compare(
        self, support: Tensor, labels: Tensor, query: Tensor, visible: Tensor | None
    ) -> Tensor:
        """Score projected rows."""
        rows = self._in_context(support, labels, query, visible)
        scores: Tensor = self.head(rows[0], labels, rows[1], visible)
        if self.known_assays is not None:
            described = self._apart(support)[1], labels, self._apart(query)[1]
            scores = scores + self.known_assays(*described, visible)
        return scores

    def _in_context(
        self, support: Tensor, labels: Tensor, query: Tensor, visible: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """Prepare projected rows for the head: vectors in context, and its columns."""
        reads = self._head_reads
        support, query = (self._projected.select(rows, reads) for rows in (support, query))
        if self.context is None:
            return support, query
        own = reads["vector"]
        seen, asks = self.context(support[..., own], labels, query[..., own], visible)
        if len(reads) == 1:
            return seen, asks
        beside = reads.only(self.head.reads)
        others = [reads.select(rows, beside) for rows in (support, query)]
        others[0] = others[0].expand(*seen.shape[:-1], -1)
        return torch.cat([seen, others[0]], -1), torch.cat([asks, others[1]], -1)

    @torch.no_grad()
    def centre(self, rows: Tensor) -> None:
        """Set the projection's bias so that the vectors of rows, (n, dim), project around zero.

        An untrained encoder gives all molecules much the same direction (cosines of 0.96 ± 0.04),
        which tells the head little; around their centre the directions differ (0.0 ± 0.6). As an
        initialisation from data it follows Salimans and Kingma 2016, arXiv:1602.07868, section 3.
        """
        mean = rows.mean(0)[self._encoded["vector"]]
        self.projection.bias.copy_(-(self.projection.weight @ mean))


def _recalled(encoder: Encoder) -> slice | None:
    """Find the columns that are zero unless many assays measured a molecule; None without any."""
    profiles = encoder.activity_profiles
    if profiles is None:
        return None
    start = encoder.columns["profile"].start
    return slice(start, start + profiles.rows.shape[1])
