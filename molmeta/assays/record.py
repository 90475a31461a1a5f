"""Records of assays: those a model has seen in training, and those it must not see.

The same assay is found by its id, and by a digest of its molecules and labels under any id.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from molmeta.assays.columns import listed
from molmeta.assays.lists import read_lists
from molmeta.assays.store import Assay, AssayStore
from molmeta.chem.standardize import STANDARD, Standardizer
from molmeta.errors import InputError


class Overlap(NamedTuple):
    """The part of an assay that is in a record.

    Attributes:
        assay_id: The assay.
        same_id: Whether the record has an assay of this id.
        same_content: Whether it has one of just these molecules and labels, whatever its id.
        molecules: The share of the assay's molecules that occur in the record.
    """

    assay_id: str
    same_id: bool
    same_content: bool
    molecules: float


@dataclass(frozen=True)
class AssayRecord:
    """Some assays, to be found again in other stores.

    >>> from molmeta.assays import AssayStore, drug_mechanisms
    >>> store = AssayStore.from_frame(drug_mechanisms("valid"))
    >>> seen = AssayRecord.of(store, "training")
    >>> seen.overlap(store)[0]
    Overlap(assay_id='ace_inhibitor', same_id=True, same_content=True, molecules=1.0)

    Attributes:
        digests: By assay id a digest of molecules and labels; None where that was not recorded.
        molecules: Identities of all their molecules, sorted, shape (n,); the numbers are the same
            in every store.
        role: The use of the assays, e.g. "test"; for messages.
        standardize: The form of the molecules; None: as drawn.
    """

    digests: Mapping[str, str | None]
    molecules: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    role: str = "training"
    standardize: Standardizer | None = STANDARD

    @classmethod
    def of(cls, store: AssayStore, role: str = "training") -> AssayRecord:
        """Record every assay of a store."""
        digests = digest_assays(store)
        return cls(
            {assay_id: digests.get(assay_id) for assay_id in store.assay_ids},
            np.unique(store.identities[store.used_molecules()]),
            role,
            store.standardize,
        )

    @classmethod
    def of_lists(cls, file: Path) -> AssayRecord:
        """Record the test assays of a JSON file of lists such as FS-Mol's `fsmol-0.1.json`.

        Raises:
            InputError: If the file cannot be read or has no list named `test`.
        """
        lists = read_lists(file)
        if "test" not in lists:
            raise InputError.of(f"lists {file}", got=listed(list(lists)), expected="a list `test`")
        return cls(dict.fromkeys(lists["test"]), role="test")

    def __or__(self, other: AssayRecord) -> AssayRecord:
        """Join two records; role and form are those of the first."""
        molecules = np.union1d(self.molecules, other.molecules)
        return replace(self, digests={**self.digests, **other.digests}, molecules=molecules)

    @property
    def ids_alone(self) -> AssayRecord:
        """Drop the digests, so that an assay is found by its id alone."""
        return replace(self, digests=dict.fromkeys(self.digests))

    @property
    def digest(self) -> str:
        """Digest all ids and digests."""
        contents = sorted({content for content in self.digests.values() if content})
        text = "\n".join([*sorted(self.digests), "", *contents])
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def refuse(self, others: AssayRecord, what: str, fix: str | None = None) -> None:
        """Refuse assays that are among these, under the same id or with the same content.

        Args:
            others: The assays to use.
            what: Their name in the message, e.g. "training assays".
            fix: Advice to the user.

        Raises:
            InputError: If one of them is.
        """
        contents = {content for content in self.digests.values() if content}
        found = [
            assay_id
            for assay_id, content in others.digests.items()
            if assay_id in self.digests or content in contents
        ]
        if found:
            raise InputError.of(
                what,
                got=f"{len(found)} that are {self.role} assays: {listed(found, 5)}",
                expected="none: what was seen in training tests nothing",
                fix=fix or "Leave them out of one of the two, e.g. by `molmeta split`.",
            )

    def overlap(self, store: AssayStore) -> list[Overlap]:
        """Compare each assay of a store, support and queries together, with the record."""
        contents, digests = set(self.digests.values()), digest_assays(store)
        rows = []
        for assay in store:
            identities = np.unique(store.identities[assay.molecules[assay.molecules >= 0]])
            n_seen = int(np.isin(identities, self.molecules).sum())
            same = assay.id in digests and digests[assay.id] in contents
            share = n_seen / max(1, len(identities))
            rows.append(Overlap(assay.id, assay.id in self.digests, same, share))
        return rows


def digest_assays(store: AssayStore) -> dict[str, str]:
    """Digest molecules and labels by assay id, whatever their order; none without molecules.

    Two assays of the same digest are the same measurements under two ids.
    """
    return {assay.id: _digest(store, assay) for assay in store if assay.kept.any()}


def digest_store(store: AssayStore, *, values: bool = False) -> str:
    """Digest all that training reads of a store: assays, molecules, labels, what is kept.

    Args:
        store: The assays.
        values: Whether training reads measured values too.
    """
    digest = hashlib.sha256()
    for assay in store:
        digest.update(assay.id.encode())
        digest.update(store.identities[assay.molecules[assay.kept]].tobytes())
        digest.update(assay.labels[assay.kept].tobytes())
        if values:
            digest.update(assay.values[assay.kept].tobytes())
    return digest.hexdigest()[:16]


def _digest(store: AssayStore, assay: Assay) -> str:
    identities = store.identities[assay.molecules[assay.kept]]
    order = np.argsort(identities, kind="stable")
    digest = hashlib.sha256(identities[order].astype("<i8").tobytes())
    digest.update(assay.labels[assay.kept][order].astype("<f4").tobytes())
    return digest.hexdigest()[:24]
