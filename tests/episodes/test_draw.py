"""Draws against scikit-learn's splitter on FS-Mol's order, and by their laws."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from sklearn.model_selection import StratifiedShuffleSplit

from molmeta.episodes.draw import DrawError, random_episode, stratified


@pytest.mark.parametrize("size", [16, 32])
@pytest.mark.parametrize("seed", [0, 9])
def test_stratified_is_the_split_of_negatives_then_positives(size: int, seed: int) -> None:
    labels = np.random.default_rng(7).integers(0, 2, 61).astype(np.float32)
    negatives = [row for row, label in enumerate(labels) if label == 0]
    positives = [row for row, label in enumerate(labels) if label == 1]
    order = np.array(negatives + positives)
    y = np.array([0.0] * len(negatives) + [1.0] * len(positives))
    splitter = StratifiedShuffleSplit(
        n_splits=1, train_size=size, test_size=len(y) - size, random_state=seed
    )
    train, test = next(splitter.split(np.zeros(len(y)), y))
    draw = stratified(labels, size, seed)
    np.testing.assert_array_equal(draw.support, order[train])
    np.testing.assert_array_equal(draw.query, order[test])


@given(st.integers(0, 30), st.integers(0, 30), st.integers(0, 40), st.integers(0, 9))
def test_stratified_divides_all_rows_or_says_why_not(
    n_active: int, n_inactive: int, size: int, seed: int
) -> None:
    labels = np.array([1.0] * n_active + [0.0] * n_inactive)
    share = min(n_active, n_inactive) / max(1, len(labels))
    possible = share * size >= 1 and share * (len(labels) - size) >= 1
    try:
        draw = stratified(labels, size, seed)
    except DrawError:
        assert not possible
        return
    assert len(draw.support) == size
    assert sorted([*draw.support, *draw.query]) == list(range(len(labels)))
    for part in (draw.support, draw.query):
        assert set(labels[part]) == {0.0, 1.0}


@pytest.mark.parametrize(
    ("labels", "reason"),
    [
        ([1, 0] * 8, "16 rows are too few for a support set of 16"),
        ([1] + [0] * 30, "least populated class"),
        ([1, 1] + [0] * 300, "0 actives among the 16 rows of the support set"),
        ([1] * 20, "16 actives among the 16 rows of the support set"),
    ],
)
def test_a_refused_draw_says_why(labels: list[int], reason: str) -> None:
    with pytest.raises(DrawError, match=reason):
        stratified(np.array(labels, dtype=np.float32), 16, 0)


@given(
    st.lists(st.tuples(st.booleans(), st.integers(0, 40)), min_size=6, max_size=60),
    st.integers(2, 16),
    st.integers(1, 32),
    st.integers(0, 5),
)
def test_training_episodes(
    rows: list[tuple[bool, int]], n_support: int, n_query: int, seed: int
) -> None:
    by_identity = {identity: label for label, identity in rows}
    identities = np.array([identity for _, identity in rows])
    labels = np.array([by_identity[identity] for _, identity in rows], dtype=np.float32)
    n_active = sum(by_identity.values())
    n_inactive = len(by_identity) - n_active
    assume(n_active and n_inactive and len(by_identity) > n_support)
    draw = random_episode(labels, identities, np.random.default_rng(seed), n_support, n_query)
    again = random_episode(labels, identities, np.random.default_rng(seed), n_support, n_query)
    np.testing.assert_array_equal(draw.support, again.support)
    np.testing.assert_array_equal(draw.query, again.query)
    drawn = identities[np.concatenate([draw.support, draw.query])]
    assert len(set(drawn)) == len(drawn) == n_support + min(n_query, len(by_identity) - n_support)
    assert len(draw.support) == n_support
    active = int(labels[draw.support].sum())
    enough = min(2, n_support // 2)
    assert active >= min(enough, n_active)
    assert n_support - active >= min(enough, n_inactive)


def test_training_episode_keeps_the_assays_proportion() -> None:
    labels = np.array([1.0] * 100 + [0.0] * 300)
    draw = random_episode(labels, np.arange(400), np.random.default_rng(0), 16, 32)
    assert labels[draw.support].sum() == 4


def test_training_episode_without_a_class_is_refused() -> None:
    with pytest.raises(DrawError, match="0 inactives"):
        random_episode(np.ones(20), np.arange(20), np.random.default_rng(0), 8, 8)
