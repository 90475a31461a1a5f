"""Draws: an assay's rows, divided into a support and a query set.

Every draw is a function of the labels and a seed alone.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedShuffleSplit

from molmeta.errors import MolmetaError

Rows = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Draw:
    """A support and a query set of one assay.

    >>> draw = balanced(np.array([1, 0, 1, 0, 1, 0]), n_each=2, seed=0)
    >>> sorted(draw.support.tolist() + draw.query.tolist())
    [0, 1, 2, 3, 4, 5]

    Attributes:
        support: Row numbers, shape (s,).
        query: Row numbers, shape (q,); none of them in `support`.
    """

    support: Rows
    query: Rows


class DrawError(MolmetaError):
    """A draw that cannot be made; evaluation counts it and goes on.

    >>> try:
    ...     balanced(np.array([1, 0]), n_each=2, seed=0)
    ... except DrawError as error:
    ...     print(error.reason)
    1 actives and 1 inactives, too few for 2 of each in the support set

    Attributes:
        reason: In a few words.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def stratified(labels: NDArray[np.floating], size: int, seed: int) -> Draw:
    """Draw as FS-Mol does: a stratified support set, every other row in the query set.

    The rows are ordered negatives first, each class in file order, as in microsoft/FS-Mol's
    `StratifiedTaskSampler` (2021), and split by scikit-learn's `StratifiedShuffleSplit`.

    >>> labels = np.array([1.0] * 10 + [0.0] * 30)
    >>> draw = stratified(labels, size=16, seed=0)
    >>> len(draw.support), len(draw.query), labels[draw.support].tolist().count(1)
    (16, 24, 4)

    Args:
        labels: Shape (n,), 1 active, 0 inactive; none unknown.
        size: Molecules of the support set.
        seed: Of the splitter.

    Raises:
        DrawError: If a class is missing from either set or the assay is too small.
    """
    rows = np.concatenate([np.flatnonzero(labels < 0.5), np.flatnonzero(labels >= 0.5)])
    n_query = len(rows) - size
    if n_query < 2:
        raise DrawError(f"{len(rows)} rows are too few for a support set of {size}")
    ordered = labels[rows] >= 0.5
    splitter = StratifiedShuffleSplit(1, train_size=size, test_size=n_query, random_state=seed)
    try:
        support, query = next(splitter.split(np.zeros((len(rows), 0)), ordered))
    except ValueError as error:  # fewer than two of a class, or fewer rows than classes
        raise DrawError(f"scikit-learn cannot split the assay ({_first_line(error)})") from None
    return _two_classes(labels, Draw(rows[support], rows[query]))


def uniform(labels: NDArray[np.floating], size: int, seed: int) -> Draw:
    """Draw a support set whatever the labels, every other row in the query set.

    >>> draw = uniform(np.array([1.0, 0.0] * 20), size=16, seed=0)
    >>> len(draw.support), len(draw.query)
    (16, 24)

    Args:
        labels: Shape (n,), 1 active, 0 inactive; none unknown.
        size: Molecules of the support set.
        seed: Of the draw.

    Raises:
        DrawError: If a class is missing from either set.
    """
    rows = np.random.default_rng(seed).permutation(len(labels))
    return _two_classes(labels, Draw(rows[:size], rows[size:]))


def balanced(labels: NDArray[np.floating], n_each: int, seed: int) -> Draw:
    """Draw a support set of as many actives as inactives, every other row in the query set.

    >>> labels = np.array([1.0] * 10 + [0.0] * 30)
    >>> labels[balanced(labels, n_each=8, seed=0).support].tolist().count(1)
    8

    Args:
        labels: Shape (n,), 1 active, 0 inactive; none unknown.
        n_each: Molecules of each class in the support set.
        seed: Of the draw.

    Raises:
        DrawError: If a class has no more than `n_each`.
    """
    rows = np.random.default_rng(seed).permutation(len(labels))
    active = labels[rows] >= 0.5
    n_active = int(active.sum())
    if min(n_active, len(rows) - n_active) <= n_each:
        raise DrawError(
            f"{n_active} actives and {len(rows) - n_active} inactives, too few for {n_each} "
            "of each in the support set"
        )
    chosen = np.where(active, np.cumsum(active), np.cumsum(~active)) <= n_each
    return Draw(rows[chosen], rows[~chosen])


def grouped(labels: NDArray[np.floating], groups: NDArray[np.int64], size: int, seed: int) -> Draw:
    """Draw a support set of complete groups, such as scaffolds; no group is in both sets.

    Groups are taken in random order until the support set is full. What is left of the last one
    is in neither set.

    >>> groups = np.repeat(np.arange(10), 4)
    >>> draw = grouped(np.array([1.0, 0.0] * 20), groups, size=16, seed=0)
    >>> len(draw.support), set(groups[draw.support]) & set(groups[draw.query])
    (16, set())

    Args:
        labels: Shape (n,), 1 active, 0 inactive; none unknown.
        groups: Shape (n,), the number of each row's group.
        size: Molecules of the support set.
        seed: Of the draw.

    Raises:
        DrawError: If a class is missing from either set.
    """
    order = np.random.default_rng(seed).permutation(int(groups.max(initial=-1)) + 1)
    rows = np.argsort(order[groups], kind="stable")
    support, rest = rows[:size], rows[size:]
    return _two_classes(labels, Draw(support, rest[~np.isin(groups[rest], groups[support])]))


def random_episode(
    labels: NDArray[np.floating],
    identities: NDArray[np.int64],
    rng: np.random.Generator,
    n_support: int,
    n_query: int,
) -> Draw:
    """Draw for training: a stratified support set, no molecule twice in the episode.

    The support set has at least two of each class where the assay has them, so that each can be
    predicted from the others; the query set is drawn from the others, whatever their classes.

    >>> labels, rng = np.array([1.0] * 10 + [0.0] * 30), np.random.default_rng(0)
    >>> draw = random_episode(labels, np.arange(40), rng, n_support=16, n_query=8)
    >>> labels[draw.support].tolist().count(1), len(draw.query)
    (4, 8)

    Args:
        labels: Shape (n,), 1 active, 0 inactive; none unknown.
        identities: Shape (n,); the same number is the same molecule.
        rng: Where the randomness comes from.
        n_support: Molecules of the support set.
        n_query: Molecules of the query set, or all others if they are fewer.

    Raises:
        DrawError: If a class is missing or nothing would be left to query.
    """
    rows = rng.permutation(len(labels))
    rows = rows[np.sort(np.unique(identities[rows], return_index=True)[1])]
    active = labels[rows] >= 0.5
    n_active = int(active.sum())
    n_inactive = len(rows) - n_active
    if not n_active or not n_inactive or len(rows) <= n_support or n_support < 2:
        raise DrawError(
            f"{n_active} actives and {n_inactive} inactives, too few for a support set of "
            f"{n_support}"
        )
    n_each = min(2, n_support // 2)
    lowest = max(min(n_each, n_active), n_support - n_inactive)
    highest = min(n_support - min(n_each, n_inactive), n_active)
    wanted = int(np.clip(round(n_support * n_active / len(rows)), lowest, highest))
    # The first `wanted` actives and the first inactives of the permutation.
    position = np.where(active, np.cumsum(active), np.cumsum(~active))
    chosen = position <= np.where(active, wanted, n_support - wanted)
    return Draw(rows[chosen], rows[~chosen][:n_query])


def _two_classes(labels: NDArray[np.floating], draw: Draw) -> Draw:
    for name, part in (("support", draw.support), ("query", draw.query)):
        n_active = int((labels[part] >= 0.5).sum())
        if n_active in (0, len(part)):
            raise DrawError(f"{n_active} actives among the {len(part)} rows of the {name} set")
    return draw


def _first_line(error: ValueError) -> str:
    return str(error).split("\n")[0]
