"""Parts of a store as stores of their own: some assays, some molecules."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from molmeta.assays.curation import DROPPED
from molmeta.assays.store import AssayStore
from molmeta.assays.write import Contents, counts_by_assay
from molmeta.chem.features import FEATURES

LEFT_OUT = "molecule left to another fold"


def part_of(
    store: AssayStore, assay_ids: Sequence[str], allowed: NDArray[np.bool_] | None = None
) -> Contents:
    """Select some assays of a store, and the rows of some molecules.

    The audit keeps all rows of the assays; those left out are dropped with that reason.

    Args:
        store: The assays.
        assay_ids: The assays, in this order.
        allowed: Which molecules it may hold, shape (n_molecules,); None: all.
    """
    part = store.subset(assay_ids)
    sizes = part.bounds[:, 1] - part.bounds[:, 0]
    number = np.repeat(np.arange(len(part)), sizes)
    rows = np.arange(len(number)) + np.repeat(part.bounds[:, 0] - np.cumsum(sizes) + sizes, sizes)
    measurements = store.table("measurements").iloc[rows]
    molecule = measurements["molecule"].to_numpy()
    stays = np.ones(len(rows), bool) if allowed is None else (molecule < 0) | allowed[molecule]
    used = np.unique(molecule[stays & (molecule >= 0)])
    new_number = np.full(store.n_molecules + 1, -1, dtype=np.int32)  # the last one is for −1
    new_number[used] = np.arange(len(used))
    measurements = measurements.assign(molecule=new_number[molecule])[stays]
    counts = counts_by_assay(number[stays], len(part), measurements["kept"], measurements["label"])
    return Contents(
        graphs=store.graphs.select(used),
        features={name: store.feature(name)[used] for name in FEATURES if store.holds(name)},
        molecules=_arrow(store.table("molecules").iloc[used]),
        measurements=_arrow(measurements),
        assays=_arrow(part.assays.assign(**counts)),
        audit=_arrow(_audit(store, rows, stays)),
        files=store.header["files"],
        standardize=store.standardize,
        notes=store.notes,
    )


def _audit(store: AssayStore, rows: NDArray[np.int64], stays: NDArray[np.bool_]) -> pd.DataFrame:
    """Select the audit of some rows of the measurements table, in source order."""
    audit = store.audit
    number = pd.Index(store.table("assays", ["assay_id"])["assay_id"]).get_indexer(
        audit["assay_id"]
    )
    order = np.argsort(number, kind="stable")
    positions = order[np.count_nonzero(number < 0) :][rows]  # of the measurements in the audit
    gone = positions[~stays]
    action, reason = audit["action"].to_numpy(object), audit["reason"].to_numpy(object)
    action[gone], reason[gone] = DROPPED, LEFT_OUT
    return audit.assign(action=action, reason=reason).iloc[np.sort(positions)]


def _arrow(frame: pd.DataFrame) -> pa.Table:
    return pa.Table.from_pandas(frame, preserve_index=False)
