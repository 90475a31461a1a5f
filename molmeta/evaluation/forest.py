"""Random forests for small support sets: scikit-learn's trees, without its forest's overhead.

On 16 molecules a tree takes scikit-learn's forest some 1.5 ms, nearly all of it checks, copies of
settings and new random generators; a loop over its trees takes a third of that, and gives the same
bits. A grid over depths and numbers of trees is read off the same trees.
"""

import warnings
from collections.abc import Iterator, Mapping
from itertools import count

import numpy as np
from numpy.typing import NDArray
from sklearn import config_context
from sklearn.model_selection import StratifiedKFold
from sklearn.tree import DecisionTreeRegressor

Floats = NDArray[np.float64]

# The grid of FS-Mol's published forest (microsoft/FS-Mol, 2022), in the order in which
# scikit-learn's grid search goes through it: of settings that do equally well it takes the first.
DEPTHS = (5, 10, 20)
FEATURES = (None, "sqrt", "log2")
LEAVES = (2, 5)
N_TREES = (100, 200)
_N_FOLDS = 5

SEED = 0
"""Of samples and features; as scikit-learn's `random_state`."""


def forest_means(
    known: NDArray[np.float32], values: Floats, query: NDArray[np.float32], min_samples_leaf: int
) -> Floats:
    """Compute the mean of 100 trees on bootstrap samples, √d features a split, shape (q,).

    For two classes as values 0 and 1 the means are a classifying forest's probabilities: the
    variance p(1 - p) that a split reduces is half of Gini's impurity. Breiman, Random Forests,
    Machine Learning 45, 2001, https://doi.org/10.1023/A:1010933404324.

    >>> known = np.array([[0], [0], [1], [1]], dtype=np.float32)
    >>> means = forest_means(known, np.array([0.0, 0.0, 1.0, 1.0]), known, 2)
    >>> means.round().tolist()
    [0.0, 0.0, 1.0, 1.0]

    Args:
        known: Features of the support set, shape (s, d).
        values: Its labels or values, shape (s,).
        query: Features, shape (q, d).
        min_samples_leaf: Fewest distinct molecules in a leaf.
    """
    settings = {"max_features": "sqrt", "min_samples_leaf": min_samples_leaf}
    total = np.zeros(len(query))
    for tree in _grow(known, values, N_TREES[0], SEED, settings):
        total += tree.predict(query, check_input=False)
    return total / N_TREES[0]


def tuned_forest_means(
    known: NDArray[np.float32], labels: Floats, query: NDArray[np.float32]
) -> Floats:
    """Compute `forest_means` with the settings of FS-Mol's grid that do best in the support set.

    Best is the highest accuracy in five-fold cross-validation, as in scikit-learn's `GridSearchCV`
    and with its folds. Where both classes are too small for it, it is the grid's first settings.

    Args:
        known: Features of the support set, shape (s, d).
        labels: Its labels, shape (s,), 1 active, 0 inactive.
        query: Features, shape (q, d).
    """
    right = np.zeros((len(DEPTHS), len(FEATURES), len(LEAVES), len(N_TREES)))
    seeds = count(SEED + 1)
    for kept, left in _folds(labels):
        for f, features in enumerate(FEATURES):
            for n, leaf in enumerate(LEAVES):
                parts = known[kept], labels[kept], known[left]
                means = grid_means(*parts, features, leaf, next(seeds))
                right[:, f, n] += ((means > 0.5) == (labels[left] > 0.5)).mean(axis=-1)
    # Sums of the same fractions in another order may differ in the last bit.
    depth, f, n, n_trees = map(int, np.unravel_index(right.round(9).argmax(), right.shape))
    best: Floats = grid_means(known, labels, query, FEATURES[f], LEAVES[n], SEED)[depth, n_trees]
    return best


def grid_means(
    known: NDArray[np.float32],
    values: Floats,
    query: NDArray[np.float32],
    features: str | None,
    min_samples_leaf: int,
    seed: int,
) -> Floats:
    """Compute the means of forests of each of `DEPTHS` and `N_TREES`, (depths, numbers, q).

    A tree cut at a depth is one that was not grown deeper; the smaller forest is the larger one's
    first trees.

    Args:
        known: Features of the support set, shape (s, d).
        values: Its labels or values, shape (s,).
        query: Features, shape (q, d).
        features: Features a split, as scikit-learn's `max_features`.
        min_samples_leaf: Fewest distinct molecules in a leaf.
        seed: Of samples and features.
    """
    if features is None:  # among all features, those that do not vary are passed over anyway
        varying = (known != known[0]).any(axis=0)
        varying[0] = True
        known, query = known[:, varying], np.ascontiguousarray(query[:, varying])
    settings = {
        "max_features": features,
        "min_samples_leaf": min_samples_leaf,
        "max_depth": DEPTHS[-1],
    }
    total, found = np.zeros((len(DEPTHS), len(query))), []
    for number, tree in enumerate(_grow(known, values, N_TREES[-1], seed, settings), 1):
        total += _at_depths(tree, query)
        if number in N_TREES:
            found.append(total / number)
    return np.stack(found, axis=1)


def _grow(
    known: NDArray[np.float32],
    values: Floats,
    n_trees: int,
    seed: int,
    settings: Mapping[str, object],
) -> Iterator[DecisionTreeRegressor]:
    """Grow trees on bootstrap samples, drawn as scikit-learn does under this `random_state`."""
    seeds, own = np.random.RandomState(seed), np.random.RandomState()
    for _ in range(n_trees):
        tree_seed = seeds.randint(np.iinfo(np.int32).max)
        own.seed(tree_seed)
        drawn = own.randint(0, len(known), len(known), dtype=np.int32)
        weights = np.bincount(drawn, minlength=len(known)).astype(np.float64)
        own.seed(tree_seed)
        tree = DecisionTreeRegressor(random_state=own, **settings)
        with config_context(assume_finite=True, skip_parameter_validation=True):
            tree.fit(known, values, sample_weight=weights, check_input=False)
        yield tree


def _at_depths(tree: DecisionTreeRegressor, query: NDArray[np.float32]) -> Floats:
    """Predict by the tree cut at each of `DEPTHS`, shape (depths, q)."""
    nodes, values = tree.tree_, tree.tree_.value.ravel()
    ends = nodes.apply(query)
    if nodes.max_depth <= DEPTHS[0]:
        same: Floats = np.broadcast_to(values[ends], (len(DEPTHS), len(query)))
        return same
    parents = np.zeros(nodes.node_count, np.int64)
    for children in (nodes.children_left, nodes.children_right):
        inner = np.flatnonzero(children >= 0)
        parents[children[inner]] = inner
    depths, above = np.zeros(nodes.node_count, np.int64), np.arange(nodes.node_count)
    while above.any():
        depths += above > 0
        above = parents[above]
    cut, rows = np.arange(nodes.node_count), []
    for depth in reversed(DEPTHS):
        while (deeper := depths[cut] > depth).any():
            cut = np.where(deeper, parents[cut], cut)
        rows.append(values[cut[ends]])
    return np.stack(rows[::-1])


def _folds(labels: Floats) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Divide rows into kept and left out; some folds miss a small class, as in FS-Mol."""
    active = labels > 0.5
    n_folds = min(_N_FOLDS, max(int(active.sum()), int((~active).sum())))
    if n_folds < 2:
        return []
    with warnings.catch_warnings(action="ignore", category=UserWarning):
        return list(StratifiedKFold(n_folds).split(labels, active))
