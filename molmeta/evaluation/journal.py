"""The journal of an evaluation: what is done, one JSON line each, so that it can be resumed.

Records stand under a key that is a hash of all they depend on; a changed model, assay or
protocol has another key, and what did not change is not computed again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from molmeta.assays.store import Assay, AssayStore


class Journal:
    """Records by key, in memory and, given a file, on disk.

    A line that was cut short by a kill is ignored, and overwritten by the next one.

    Args:
        file: Appended to; None keeps records in memory alone.
    """

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self._records: dict[str, Any] = {}
        if file is not None and file.exists():
            self._read(file)

    def _read(self, file: Path) -> None:
        whole = 0
        with file.open("rb") as lines:
            for line in lines:
                try:
                    key, record = json.loads(line)
                except ValueError:
                    break
                if not line.endswith(b"\n"):
                    break
                self._records[key] = record
                whole += len(line)
        with file.open("r+b") as lines:
            lines.truncate(whole)

    def __contains__(self, key: str) -> bool:
        return key in self._records

    def __getitem__(self, key: str) -> Any:
        return self._records[key]

    def add(self, records: Mapping[str, Any]) -> None:
        """Keep records under their keys."""
        self._records.update(records)
        if self._file is not None:
            with self._file.open("a", encoding="utf-8") as lines:
                lines.writelines(json.dumps(item) + "\n" for item in records.items())


def key_of(*parts: object) -> str:
    """A short hash of everything that a record depends on, given as plain values."""
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:24]


def assay_hash(store: AssayStore, assay: Assay) -> str:
    """A hash of an assay's rows in order: molecules as written and as identified, labels, …"""
    form = store.standardize.spec if store.standardize else None
    content = hashlib.sha256(json.dumps([store.feature_spec, form], sort_keys=True).encode())
    smiles = [store.smiles[molecule] if molecule >= 0 else "" for molecule in assay.molecules]
    content.update("\n".join([assay.id, *smiles]).encode())
    identities = np.append(store.identities, -1)[assay.molecules]
    for column in (identities, assay.labels, assay.values, assay.kept, assay.rows):
        content.update(np.ascontiguousarray(column).tobytes())
    return content.hexdigest()[:24]
