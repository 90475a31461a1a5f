"""The keys of an evaluation's journal, by which it is resumed.

Records stand under a key that is a hash of all they depend on; a changed model, assay or
protocol has another key, and what did not change is not computed again.
"""

from __future__ import annotations

import hashlib
import json

import numpy as np

from molmeta.assays.store import Assay, AssayStore


def key_of(*parts: object) -> str:
    """Hash everything that a record depends on, given as plain values."""
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:24]


def assay_hash(store: AssayStore, assay: Assay) -> str:
    """Hash an assay's rows in order: molecules as written and as identified, labels, …"""
    form = store.standardize.spec if store.standardize else None
    content = hashlib.sha256(json.dumps([store.feature_spec, form], sort_keys=True).encode())
    smiles = [store.smiles[molecule] if molecule >= 0 else "" for molecule in assay.molecules]
    content.update("\n".join([assay.id, *smiles]).encode())
    identities = np.append(store.identities, -1)[assay.molecules]
    for column in (identities, assay.labels, assay.values, assay.kept, assay.rows):
        content.update(np.ascontiguousarray(column).tobytes())
    return content.hexdigest()[:24]
