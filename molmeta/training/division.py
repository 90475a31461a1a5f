"""Training assays, divided between pre-training and meta-training."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from molmeta.assays.store import AssayStore
from molmeta.errors import InputError
from molmeta.runs.settings import Pretraining


@dataclass(frozen=True)
class Division:
    """The training assays and their two parts.

    Attributes:
        whole: All of them.
        first: Those of pre-training.
        rest: Those of meta-training; the same ones if both see all.
        groups: The groups of each assay of `whole`, (n_assays, g).
    """

    whole: AssayStore
    first: AssayStore
    rest: AssayStore
    groups: NDArray[np.int64]


def divide(store: AssayStore, settings: Pretraining) -> Division:
    """Divide the training assays as the settings say, at random.

    >>> from molmeta.assays import drug_mechanisms
    >>> store = AssayStore.from_frame(drug_mechanisms("train"))
    >>> division = divide(store, Pretraining(epochs=1, share=0.5))
    >>> len(store), len(division.first), len(division.rest)
    (18, 9, 9)

    Raises:
        InputError: If one of the two parts would be empty, or groups are not known.
    """
    groups = groups_of(store, settings.groups if settings.epochs else ())
    if settings.share == 1:
        return Division(store, store, store, groups)
    order = np.random.default_rng(settings.split_seed).permutation(len(store))
    n_first = round(settings.share * len(store))
    if not 0 < n_first < len(store):
        raise InputError.of(
            f"pretraining.share: {settings.share}",
            got=f"{len(store)} training assays",
            expected="a share that leaves assays on both sides",
        )
    parts = np.sort(order[:n_first]), np.sort(order[n_first:])
    first, rest = (store.subset([store.assay_ids[i] for i in part]) for part in parts)
    return Division(store, first, rest, groups)


def groups_of(store: AssayStore, columns: Sequence[str]) -> NDArray[np.int64]:
    """Number the groups that each assay belongs to, one for each of these columns.

    Args:
        store: The assays.
        columns: Columns of `store.assays`.

    Returns:
        (n_assays, n_columns): the groups of all columns numbered through from 0. Assays of which a
        column says nothing are a group too.

    Raises:
        InputError: If there is no such column, or it says nothing of any assay.
    """
    codes = np.zeros((len(store), len(columns)), np.int64)
    n_groups = 0
    for place, name in enumerate(columns):
        texts = store.assays.get(name, pd.Series("", index=range(len(store)))).fillna("")
        if (texts == "").all():
            raise InputError.of(
                f"pretraining.groups: {name}",
                got=f"{len(store)} training assays of which nothing of that name is known",
                expected="a column of the assays, such as target_id",
                fix="Give --assay-info, a CSV with assay_id and this column, or set "
                "pretraining.groups=[].",
            )
        numbers, names = pd.factorize(texts)
        codes[:, place] = numbers + n_groups
        n_groups += len(names)
    return codes
