"""The writer of a store's folder, all or nothing; `store` lists the files."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

import molmeta
from molmeta.assays.collect import Molecules, Rows
from molmeta.assays.curation import KEPT
from molmeta.assays.store_folder import FORMAT, VERSION
from molmeta.assays.units import commonest
from molmeta.chem.features import FEATURES, Matrix
from molmeta.chem.featurize import FEATURE_SPEC
from molmeta.chem.graph import Graphs
from molmeta.chem.standardize import Standardizer
from molmeta.resources import replace_folder


@dataclass(frozen=True)
class Contents:
    """All that a store's files hold.

    Attributes:
        graphs: One a molecule.
        features: A row a molecule, by name.
        molecules, measurements, assays, audit: The tables.
        files: Names of the files read.
        standardize: The standard form of the molecules, or None.
        notes: How the files were read: columns, units, which values are active.
    """

    graphs: Graphs
    features: Mapping[str, Matrix]
    molecules: pa.Table
    measurements: pa.Table
    assays: pa.Table
    audit: pa.Table
    files: Sequence[str]
    standardize: Standardizer | None
    notes: Sequence[str] = ()


def write_store(out: Path | str, contents: Contents) -> None:
    """Write a store to its folder `out`."""
    actions = pc.value_counts(contents.audit["action"].combine_chunks()).to_pylist()
    header = {
        "format": FORMAT,
        "version": VERSION,
        "molmeta": molmeta.__version__,
        "feature_spec": FEATURE_SPEC,
        "standardize": contents.standardize.spec if contents.standardize else None,
        "files": list(contents.files),
        "notes": list(contents.notes),
        "n_molecules": len(contents.molecules),
        "n_assays": len(contents.assays),
        "n_rows": len(contents.audit),
        "n_by_action": {count["values"]: count["counts"] for count in actions},
    }
    with replace_folder(out) as folder:
        (folder / "graphs").mkdir()
        for field in fields(Graphs):
            np.save(folder / "graphs" / f"{field.name}.npy", getattr(contents.graphs, field.name))
        for name, matrix in contents.features.items():
            FEATURES[name].save(folder, matrix)
        for name in ("molecules", "measurements", "assays", "audit"):
            pq.write_table(
                getattr(contents, name),
                folder / f"{name}.parquet",
                compression="zstd",
                store_schema=False,  # so that dictionaries are read back as plain text
                dictionary_pagesize_limit=1 << 26,
            )
        text = json.dumps(header, indent=1) + "\n"
        (folder / "store.json").write_text(text, encoding="utf-8")


def contents_of(
    rows: Rows,
    molecules: Molecules,
    table: pd.DataFrame,
    standardize: Standardizer | None,
    notes: Sequence[str] = (),
) -> Contents:
    """Assemble the contents of a store from newly read rows.

    Args:
        rows: The rows read.
        molecules: The distinct SMILES of the rows.
        table: The rows as `build.decide` gives them.
        standardize: The standard form of the molecules.
        notes: How the files were read.
    """
    measured = table[table["assay"] > 0].sort_values("assay", kind="stable")
    return Contents(
        graphs=molecules.graphs,
        features=molecules.features(),
        molecules=pa.table(
            {
                "smiles": pa.array(rows.words("smiles")[molecules.accepted], pa.string()),
                "identity": pa.array(molecules.identities[molecules.accepted]),
            }
        ),
        measurements=pa.table(
            {
                "molecule": pa.array(measured["molecule"].to_numpy(np.int32)),
                "label": pa.array(measured["label"].to_numpy(np.float32)),
                "value": pa.array(measured["value"].to_numpy(np.float32)),
                "bound": pa.array(measured["bound"].to_numpy(np.int8)),
                "kept": pa.array((measured["action"] == KEPT).to_numpy()),
                "file": rows.texts("file", measured["file"]),
                "row": pa.array(measured["row"].to_numpy()),
            }
        ),
        assays=_assays(rows, measured),
        audit=pa.table(
            {
                "file": rows.texts("file", table["file"]),
                "row": pa.array(table["row"].to_numpy()),
                "assay_id": rows.texts("assay", table["assay"]),
                "smiles": rows.texts("smiles", table["smiles"]),
                "action": pa.array(table["action"], pa.string()),
                "reason": pa.array(table["reason"], pa.string()),
            }
        ),
        files=rows.words("file").tolist(),
        standardize=standardize,
        notes=notes,
    )


def _assays(rows: Rows, measured: pd.DataFrame) -> pa.Table:
    by_assay = measured.groupby("assay", sort=True)
    first = by_assay[["threshold", "target"]].first()
    kinds = commonest(measured[measured["value"].notna()], "kind")
    return pa.table(
        {
            "assay_id": pa.array(rows.words("assay")[first.index], pa.string()),
            "target": pa.array(rows.words("target")[first["target"]], pa.string()),
            "unit": pa.array([kinds.get(number, "") for number in first.index], pa.string()),
            "threshold": pa.array(first["threshold"].to_numpy()),
            **counts_by_assay(
                np.asarray(by_assay.ngroup(), dtype=np.int64),
                len(first),
                measured["action"] == KEPT,
                measured["label"],
            ),
        }
    )


def counts_by_assay(
    number: NDArray[np.int64], n_assays: int, kept: pd.Series, label: pd.Series
) -> dict[str, NDArray[np.int64]]:
    """Count the rows of each assay, those that are kept, and those of these that are active.

    Args:
        number: Each row's assay, 0 … n_assays − 1, shape (n,).
        n_assays: How many there are.
        kept: The curation mask, shape (n,).
        label: 1, 0 or NaN, shape (n,).
    """
    weights = {"n_rows": kept | True, "n_kept": kept, "n_active": kept & (label == 1)}
    return {
        name: np.bincount(number[weight.to_numpy()], minlength=n_assays)
        for name, weight in weights.items()
    }
