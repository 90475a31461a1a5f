"""Assays that training must not touch: the same assay is told by its id, and by its content."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from molmeta.assays.columns import listed
from molmeta.assays.lists import read_lists
from molmeta.assays.store import Assay, AssayStore
from molmeta.errors import InputError


@dataclass(frozen=True)
class HeldOut:
    """Assays kept out of training.

    Attributes:
        role: What they are for, e.g. "test".
        ids: Their ids.
        contents: A hash of the molecules and labels of each whose measurements are known, so
            that another id does not hide an assay.
    """

    role: str
    ids: frozenset[str]
    contents: frozenset[str] = frozenset()

    @classmethod
    def of_stores(cls, role: str, stores: Iterable[AssayStore]) -> HeldOut:
        """Every assay of these stores."""
        stores = list(stores)
        return cls(
            role,
            frozenset(assay_id for store in stores for assay_id in store.assay_ids),
            frozenset(content for store in stores for content in contents_of(store).values()),
        )

    @classmethod
    def of_lists(cls, file: Path) -> HeldOut:
        """The test assays of a JSON file of lists such as FS-Mol's `fsmol-0.1.json`.

        Raises:
            InputError: If the file cannot be read or has no list named `test`.
        """
        lists = read_lists(file)
        if "test" not in lists:
            raise InputError.of(f"lists {file}", got=listed(list(lists)), expected="a list `test`")
        return cls("test", frozenset(lists["test"]))

    def __or__(self, other: HeldOut) -> HeldOut:
        """These and the others."""
        return HeldOut(self.role, self.ids | other.ids, self.contents | other.contents)

    @property
    def digest(self) -> str:
        """A hash of ids and contents."""
        text = "\n".join([*sorted(self.ids), "", *sorted(self.contents)])
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def check(self, assays: AssayStore, role: str) -> None:
        """Refuse assays that are among these.

        Args:
            assays: What shall be used.
            role: For what, e.g. "training".

        Raises:
            InputError: If one is, under the same id or with the same molecules and labels.
        """
        contents = contents_of(assays)
        found = [
            assay_id
            for assay_id in assays.assay_ids
            if assay_id in self.ids or contents.get(assay_id) in self.contents
        ]
        if found:
            raise InputError.of(
                f"{role} assays",
                got=f"{len(found)} that are {self.role} assays: {listed(found, 5)}",
                expected="none: what was seen in training tests nothing",
                fix="Leave them out of one of the two, e.g. by `molmeta split`.",
            )


def contents_of(store: AssayStore) -> dict[str, str]:
    """A hash of molecules and labels by assay id, whatever their order; none without molecules.

    Two assays of the same hash are the same measurements under two ids.
    """
    assays = map(store.assay, range(len(store)))
    return {assay.id: _content(store, assay) for assay in assays if assay.kept.any()}


def _content(store: AssayStore, assay: Assay) -> str:
    identities = store.identities[assay.molecules[assay.kept]]
    order = np.argsort(identities, kind="stable")
    digest = hashlib.sha256(identities[order].astype("<i8").tobytes())
    digest.update(assay.labels[assay.kept][order].astype("<f4").tobytes())
    return digest.hexdigest()[:24]
