"""Building a store: rows are collected as they are read, and molecules featurized along."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from scipy import sparse

import molmeta
from molmeta.assays.collect import Molecules, Rows
from molmeta.assays.columns import Columns, listed
from molmeta.assays.curation import KEPT, curate
from molmeta.assays.measurement import as_text, measurements, parse_labels, parse_values
from molmeta.assays.readers import read_measurements
from molmeta.assays.store import FORMAT, VERSION, AssayStore
from molmeta.chem.featurize import FEATURE_SPEC, featurize_stream
from molmeta.errors import InputError
from molmeta.resources import replace_folder

Progress = Callable[[int], None]


def featurize_files(
    paths: Iterable[Path | str],
    out: Path | str | None,
    *,
    columns: Columns | None = None,
    format: str = "auto",
    workers: int = 1,
    fingerprints: bool = False,
    progress: Progress | None = None,
) -> AssayStore:
    """Read files into a new store.

    Args:
        paths: Files of any kind that a reader knows; assays of the same id are joined.
        out: The store's folder, which appears whole or not at all; None for a temporary one.
        columns: What the user says about the columns.
        format: The reader's name, or "auto".
        workers: Processes that featurize.
        fingerprints: Whether ECFP counts are stored too.
        progress: Called with the number of molecules done.

    Raises:
        InputError: If a file or what is said about it cannot be used.
    """
    tables = (
        frame.assign(file=Path(path).name)
        for path in paths
        for frame in read_measurements(path, columns, format=format)
    )
    return build_store(tables, out, fingerprints=fingerprints, workers=workers, progress=progress)


def load_assays(path: Path | str, columns: Columns | None = None) -> AssayStore:
    """DATA as every verb takes it: a store's folder is opened, a file becomes a temporary store.

    Raises:
        InputError: If it is neither, or cannot be used.
    """
    if Path(path).is_dir():
        return AssayStore.open(path)
    return featurize_files([path], None, columns=columns)


def build_from_frame(frame: pd.DataFrame, out: Path | str | None = None) -> AssayStore:
    """See `AssayStore.from_frame`."""
    lacking = [name for name in ("assay", "smiles", "label") if name not in frame]
    if lacking:
        raise InputError.of(
            "frame",
            got=f"the columns {listed(frame.columns.tolist())}",
            expected=f"also {listed(lacking)}",
        )
    frame = frame.reset_index(drop=True)
    columns: dict[str, object] = {
        "assay": as_text(frame["assay"]),
        "smiles": as_text(frame["smiles"]),
        "label": parse_labels(frame["label"], "column 'label'"),
    }
    if "value" in frame:
        columns["value"] = parse_values(frame["value"])
    if "relation" in frame:
        columns["relation"] = as_text(frame["relation"])
    return build_store([measurements(columns, frame.index)], out)


def build_store(
    tables: Iterable[pd.DataFrame],
    out: Path | str | None,
    *,
    fingerprints: bool = False,
    workers: int = 1,
    progress: Progress | None = None,
) -> AssayStore:
    """Build a store from frames of measurements.

    Args:
        tables: Frames with the columns of `measurement.FIELDS`.
        out: The store's folder, which appears whole or not at all; None for a temporary one.
        fingerprints: Whether ECFP counts are stored too.
        workers: Processes that featurize.
        progress: Called with the number of molecules done.

    Raises:
        InputError: If no measurement has a label.
    """
    if out is None:
        return _build_temporary(tables, fingerprints, workers, progress)
    rows, molecules = Rows(), Molecules()
    new_smiles = (rows.add(table) for table in tables)
    for part in featurize_stream(
        new_smiles, fingerprints=fingerprints, workers=workers, progress=progress
    ):
        molecules.add(part)
    table = _curated(rows, molecules)
    with replace_folder(out) as folder:
        _write_molecules(folder, rows, molecules)
        assays = _write_measurements(folder, rows, table)
        _write_audit(folder, rows, table)
        _write_header(
            folder,
            files=rows.words("file").tolist(),
            n_molecules=len(molecules.accepted),
            n_assays=len(assays),
            n_rows=len(table),
            n_by_action=table["action"].value_counts().to_dict(),
        )
    return AssayStore.open(out)


def _build_temporary(
    tables: Iterable[pd.DataFrame], fingerprints: bool, workers: int, progress: Progress | None
) -> AssayStore:
    folder = Path(tempfile.mkdtemp(prefix="molmeta-"))
    try:
        store = folder / "store"
        build_store(tables, store, fingerprints=fingerprints, workers=workers, progress=progress)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return AssayStore.open_temporary(store)


def _curated(rows: Rows, molecules: Molecules) -> pd.DataFrame:
    """The rows with their molecules' numbers, what becomes of them, and why."""
    table = rows.table()
    if not table["label"].notna().any():
        raise InputError.of(
            "labels",
            got="only blank ones",
            expected="some active and some inactive molecules",
            fix="Name the right column with --label-column.",
        )
    reasons = rows.words("reason")[table["reason"]]
    curated = curate(
        table["assay"].to_numpy(np.int64),
        molecules.identities[table["smiles"]],
        table["label"].to_numpy(np.float32),
        table["row"].to_numpy(np.int64),
        np.where(reasons == "", molecules.reasons[table["smiles"]], reasons),
    )
    return table.assign(
        molecule=molecules.numbers[table["smiles"]].astype(np.int32),
        kept=curated.actions == KEPT,
        action=curated.actions,
        why=curated.reasons,
    )


def _write_molecules(folder: Path, rows: Rows, molecules: Molecules) -> None:
    graphs = molecules.graphs()
    (folder / "graphs").mkdir()
    for field in fields(graphs):
        np.save(folder / "graphs" / f"{field.name}.npy", getattr(graphs, field.name))
    if (fingerprints := molecules.fingerprints()) is not None:
        sparse.save_npz(folder / "fingerprints.npz", fingerprints)
    columns = {
        "smiles": pa.array(rows.words("smiles")[molecules.accepted], pa.string()),
        "identity": pa.array(molecules.identities[molecules.accepted]),
    }
    _write_table(folder / "molecules.parquet", columns)


def _write_measurements(folder: Path, rows: Rows, table: pd.DataFrame) -> pd.DataFrame:
    """Write the rows that have an assay, grouped by it, and the assays; gives the latter."""
    measured = table[table["assay"] > 0].sort_values("assay", kind="stable")
    columns = {
        name: pa.array(measured[name].to_numpy())
        for name in ("molecule", "label", "value", "kept", "row")
    }
    texts = {name: rows.texts(name, measured[name]) for name in ("relation", "file")}
    _write_table(folder / "measurements.parquet", columns | texts)
    measured = measured.assign(active=measured["kept"] & (measured["label"] == 1))
    assays = measured.groupby("assay", as_index=False).agg(
        n_rows=("row", "size"),
        n_kept=("kept", "sum"),
        n_active=("active", "sum"),
        unit=("unit", "first"),
    )
    columns = {
        "assay_id": pa.array(rows.words("assay")[assays["assay"]], pa.string()),
        "unit": pa.array(rows.words("unit")[assays["unit"]], pa.string()),
    }
    counts = {name: pa.array(assays[name].to_numpy()) for name in ("n_rows", "n_kept", "n_active")}
    _write_table(folder / "assays.parquet", columns | counts)
    return assays


def _write_audit(folder: Path, rows: Rows, table: pd.DataFrame) -> None:
    texts = {name: rows.texts(name, table[name]) for name in ("file", "assay", "smiles")}
    columns = {
        "file": texts["file"],
        "row": pa.array(table["row"].to_numpy()),
        "assay_id": texts["assay"],
        "smiles": texts["smiles"],
        "action": pa.array(table["action"], pa.string()),
        "reason": pa.array(table["why"], pa.string()),
    }
    _write_table(folder / "audit.parquet", columns)


def _write_table(path: Path, columns: Mapping[str, pa.Array]) -> None:
    # Without Arrow's own schema, dictionaries are read back as plain text.
    pq.write_table(
        pa.table(dict(columns)),
        path,
        compression="zstd",
        store_schema=False,
        dictionary_pagesize_limit=1 << 26,
    )


def _write_header(folder: Path, **facts: object) -> None:
    header = {
        "format": FORMAT,
        "version": VERSION,
        "molmeta": molmeta.__version__,
        "feature_spec": FEATURE_SPEC,
        **facts,
    }
    (folder / "store.json").write_text(json.dumps(header, indent=1) + "\n", encoding="utf-8")
