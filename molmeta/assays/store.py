"""AssayStore: assays and their molecules' graphs as a folder that opens at once.

store.json            what it is: version, counts, feature specification, standard form, files read
graphs/*.npy          the arrays of chem.Graphs, memory-mapped
molecules.parquet     smiles, identity: one row a distinct SMILES that parses
measurements.parquet  molecule, label, value, bound, kept, file, row: grouped by assay
assays.parquet        assay_id, n_rows, n_kept, n_active, unit
audit.parquet         file, row, assay_id, smiles, action, reason: one row a row read
fingerprints.npz      ECFP counts (optional)
pairs.npz             counts of torsions and atom pairs (optional)
descriptors.npy       descriptors, memory-mapped (optional)
"""

from __future__ import annotations

import multiprocessing
import shutil
import weakref
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from molmeta.assays.audit import summarize
from molmeta.assays.columns import listed
from molmeta.assays.store_folder import StoreFolder
from molmeta.assays.units import PERCENT, PXC50
from molmeta.chem.features import FEATURES, GRAPHS, Matrix, chosen
from molmeta.chem.featurize import featurize
from molmeta.chem.graph import Graphs
from molmeta.chem.standardize import Standardizer, describe
from molmeta.errors import InputError
from molmeta.resources import n_cores

LARGE = 10_000
"""Molecules above which features that are not stored are computed by several processes."""


@dataclass(frozen=True)
class Assay:
    """Every row of one assay, in source order.

    >>> from molmeta.assays import drug_mechanisms
    >>> assay = AssayStore.from_frame(drug_mechanisms("valid")).assay("ace_inhibitor")
    >>> len(assay), int(assay.labels.sum()), assay.molecules[:3].tolist()
    (44, 11, [0, 1, 2])

    Attributes:
        id: Its name.
        molecules: Index into the store's molecules, −1 where the SMILES does not parse, (n,).
        labels: 1 active, 0 inactive, NaN unknown, (n,).
        values: Measured values in the assay's unit, NaN where none, (n,).
        exact: Whether the value is one, not a bound such as that of "> 10 µM", (n,).
        kept: The curation mask: parsed, labelled, one row a molecule, (n,).
        rows: Row numbers in the source file, from 0, (n,).
        unit: The values' unit: "pXC50" for all concentrations, "%", or as given.
    """

    id: str
    molecules: NDArray[np.int64]
    labels: NDArray[np.float32]
    values: NDArray[np.float32]
    exact: NDArray[np.bool_]
    kept: NDArray[np.bool_]
    rows: NDArray[np.int64]
    unit: str

    def __len__(self) -> int:
        return len(self.molecules)

    @property
    def exact_values(self) -> NDArray[np.float32]:
        """The values by which labels can be graded, NaN elsewhere, (n,): exact pXC50 or %.

        Of values in another unit it is not known how they compare.
        """
        return self._comparable(self.exact)

    @property
    def bounds(self) -> NDArray[np.float32]:
        """The values that are no more than bounds, as of "> 10 µM", NaN elsewhere, (n,)."""
        return self._comparable(~self.exact)

    def _comparable(self, chosen: NDArray[np.bool_]) -> NDArray[np.float32]:
        return np.where(chosen & (self.unit in (PXC50, PERCENT)), self.values, np.float32(np.nan))


class AssayStore:
    """Assays over one set of molecules.

    >>> from molmeta.assays import AssayStore, drug_mechanisms
    >>> store = AssayStore.from_frame(drug_mechanisms("valid"))
    >>> len(store), store.n_molecules, store.assay_ids[:2]
    (5, 50, ['ace_inhibitor', 'angiotensin_receptor_blocker'])
    >>> store.subset(["ace_inhibitor"]).assays[["assay_id", "n_rows", "n_active"]].values.tolist()
    [['ace_inhibitor', 44, 11]]

    Attributes:
        path: The store's folder.
        header: The content of its `store.json`.
        feature_spec: The definition of its graphs, fingerprints, pairs and descriptors, to be
            compared with a model's.
        standardize: The standard form of its molecules; None: they are as drawn.
        n_molecules: Number of distinct SMILES that parse.
        features: Those of `FEATURES` that have been read or computed, by name.
    """

    def __init__(
        self,
        path: Path,
        header: dict[str, Any],
        selection: NDArray[np.int64] | None = None,
        owner: object = None,
        info: pd.DataFrame | None = None,
    ) -> None:
        """Use `open`; the arguments are for `open`, `subset` and `with_info`."""
        self.path, self.header = path, header
        self._folder = StoreFolder(path)
        self.feature_spec: dict[str, object] = header["feature_spec"]
        self.standardize = Standardizer.from_spec(header.get("standardize"))
        self.n_molecules: int = header["n_molecules"]
        self._selection = selection
        self._owner = owner  # keeps a temporary folder alive
        self._info = info
        self.features: dict[str, Matrix] = {}

    @classmethod
    def open(cls, path: Path | str) -> AssayStore:
        """Open a store's folder; its arrays are mapped and its tables read when they are used.

        Raises:
            InputError: If it is no store, or one of another version or with other features.
        """
        path = Path(path)
        return cls(path, StoreFolder(path).header())

    @classmethod
    def open_temporary(cls, path: Path) -> AssayStore:
        """Open a store that is deleted, with the folder around it, once it is no longer used."""
        store = cls.open(path)
        store._owner = _Owner()
        weakref.finalize(store._owner, shutil.rmtree, path.parent, ignore_errors=True)
        return store

    @classmethod
    def from_frame(cls, frame: pd.DataFrame, out: Path | str | None = None) -> AssayStore:
        """Build a store from a table with the columns assay, smiles, label[, value, relation].

        Args:
            frame: One row a measurement.
            out: The store's folder; without it the store is temporary.

        Raises:
            InputError: If a column is missing or a label cannot be read.
        """
        from molmeta.assays.build import build_from_frame

        return build_from_frame(frame, out)

    def check_form(self, expected: Standardizer | None, who: str) -> None:
        """Refuse molecules that are in another form than expected: their graphs would mislead.

        Args:
            expected: The form needed.
            who: The user of the form, e.g. "model runs/first".

        Raises:
            InputError: If the forms differ.
        """
        if self.standardize != expected:
            raise InputError.of(
                f"store {self.path}",
                got=describe(self.standardize),
                expected=f"{describe(expected)}, as {who} has them",
                fix="Featurize the source files again with the flags named last.",
            )

    @property
    def notes(self) -> list[str]:
        """List how the files were read: columns, units, which values are active."""
        return list(self.header.get("notes", []))

    @cached_property
    def graphs(self) -> Graphs:
        """Open the molecules' graphs, memory-mapped."""
        return Graphs(
            **{
                field.name: self._folder.array(f"graphs/{field.name}.npy")
                for field in fields(Graphs)
            }
        )

    @cached_property
    def smiles(self) -> Sequence[str]:
        """Read the molecules' SMILES as given, (n_molecules,)."""
        smiles: list[str] = self.table("molecules", ["smiles"])["smiles"].tolist()
        return smiles

    @cached_property
    def identities(self) -> NDArray[np.int64]:
        """Number each distinct molecule, the same in every store, (n_molecules,)."""
        return self.table("molecules", ["identity"])["identity"].to_numpy(np.int64)

    @property
    def fingerprints(self) -> sparse.csr_matrix:
        """Read ECFP counts, uint8, (n_molecules, 2048)."""
        return self.feature("fingerprints")

    @property
    def pairs(self) -> sparse.csr_matrix:
        """Read counts of torsions and atom pairs, uint8, (n_molecules, 2048)."""
        return self.feature("pairs")

    @property
    def descriptors(self) -> NDArray[np.float32]:
        """Read `DESCRIPTORS`, NaN where there is none, (n_molecules, len(DESCRIPTORS))."""
        descriptors: NDArray[np.float32] = self.feature("descriptors")
        return descriptors

    def feature(self, name: str) -> Matrix:
        """Read one of `FEATURES`, a row a molecule; computed on first use where it is not stored.

        Raises:
            InputError: If there is none of that name, or its file is damaged.
        """
        if name not in self.features:
            (feature,) = chosen([name])
            self.features[name] = (
                self._folder.feature(feature) if self.holds(name) else self._computed(name)
            )
        return self.features[name]

    def holds(self, name: str) -> bool:
        """Return whether one of `FEATURES` is stored, so that it need not be computed."""
        return self._folder.has(FEATURES[name])

    def _computed(self, name: str) -> Matrix:
        """Compute what is not stored: on all cores, unless this is a worker process."""
        alone = self.n_molecules <= LARGE or multiprocessing.parent_process() is not None
        computed = featurize(
            self.smiles,
            reads=[GRAPHS, name],
            identities=False,
            standardize=self.standardize,
            workers=1 if alone else n_cores(),
        )
        return computed.features[name]

    @cached_property
    def _assays(self) -> pd.DataFrame:
        assays = self.table("assays")
        ends = assays["n_rows"].cumsum()
        assays = assays.assign(begin=ends - assays["n_rows"], end=ends)
        if self._info is not None:
            more = self._info.reindex(assays["assay_id"]).fillna("")
            assays = assays.assign(**{str(name): more[name].to_numpy() for name in more})
        if self._selection is not None:
            assays = assays.iloc[self._selection]
        return assays.reset_index(drop=True)

    @cached_property
    def bounds(self) -> NDArray[np.int64]:
        """Find where each assay's rows begin and end in the measurements, (len(self), 2)."""
        return self._assays[["begin", "end"]].to_numpy(np.int64)

    @cached_property
    def _measurements(self) -> dict[str, NDArray[Any]]:
        table = self._folder.table(
            "measurements", ["molecule", "label", "value", "bound", "kept", "row"]
        )
        return {name: table[name].to_numpy() for name in table.column_names}

    @cached_property
    def assay_ids(self) -> list[str]:
        """List the assays' ids, in order of appearance."""
        ids: list[str] = self._assays["assay_id"].tolist()
        return ids

    @cached_property
    def _positions(self) -> dict[str, int]:
        return {assay_id: i for i, assay_id in enumerate(self.assay_ids)}

    @property
    def assays(self) -> pd.DataFrame:
        """Tabulate the assays: assay_id, target, unit, threshold, n_rows, n_kept, n_active.

        And what `with_info` added.
        """
        return self._assays.drop(columns=["begin", "end"])

    @property
    def audit(self) -> pd.DataFrame:
        """Read the audit, one row a row read: file, row, assay_id, smiles, action, reason."""
        return self.table("audit")

    def audit_summary(self) -> pd.DataFrame:
        """Count the rows that were kept, merged or dropped: action, reason, n_rows."""
        return summarize(self.table("audit", ["action", "reason"]))

    def table(self, name: str, columns: list[str] | None = None) -> pd.DataFrame:
        """Read one of the store's tables (see the module's list)."""
        table: pd.DataFrame = self._folder.table(name, columns).to_pandas()
        return table

    def __len__(self) -> int:
        return self.header["n_assays"] if self._selection is None else len(self._selection)

    def __iter__(self) -> Iterator[Assay]:
        """Iterate over the assays, in order."""
        return map(self.assay, range(len(self)))

    def used_molecules(self, *, kept: bool = False) -> NDArray[np.int64]:
        """Find the molecules that the assays have, sorted; with `kept` those of curated rows."""
        chosen = [assay.molecules[assay.kept if kept else assay.molecules >= 0] for assay in self]
        return np.unique(np.concatenate([np.empty(0, np.int64), *chosen]))

    def assay(self, key: int | str) -> Assay:
        """Read one assay, by position or id.

        Raises:
            InputError: If there is no assay of that id.
            IndexError: If the position is out of range.
        """
        position = self._position(key) if isinstance(key, str) else key
        part = slice(*self.bounds[position])
        columns = self._measurements
        return Assay(
            id=self.assay_ids[position],
            molecules=columns["molecule"][part].astype(np.int64),
            labels=columns["label"][part],
            values=columns["value"][part],
            exact=columns["bound"][part] == 0,
            kept=columns["kept"][part],
            rows=columns["row"][part],
            unit=self._assays["unit"].iloc[position],
        )

    def subset(self, assay_ids: Sequence[str]) -> AssayStore:
        """Select assays, in this order, over the same molecules.

        Raises:
            InputError: If there is no assay of one of these ids.
        """
        chosen = np.array([self._position(assay_id) for assay_id in assay_ids], dtype=np.int64)
        if self._selection is not None:
            chosen = self._selection[chosen]
        return self._sharing(chosen, self._info)

    def with_info(self, info: pd.DataFrame) -> AssayStore:
        """Add columns to the table `assays`.

        Args:
            info: Columns of text by assay id, as `read_assay_info` gives them; an assay that is not
                among them gets "".

        Raises:
            InputError: If none is among them, or `assays` has a column of that name already.
        """
        known = [name for name in info if name in self._assays]
        if known:
            raise InputError.of(
                f"assay information: column {known[0]}",
                got="a name that the assays' own table has",
                fix="Rename the column.",
            )
        if not info.index.isin(self.assay_ids).any():
            raise InputError.of(
                "assay information",
                got=f"none of {len(self)} assays ({listed(self.assay_ids, 3)})",
                expected="rows of these, by assay_id",
            )
        if self._info is not None:
            info = self._info.join(info, how="outer")
        return self._sharing(self._selection, info)

    def _sharing(
        self, selection: NDArray[np.int64] | None, info: pd.DataFrame | None
    ) -> AssayStore:
        store = AssayStore(self.path, self.header, selection, self._owner, info)
        # What is already read is shared; the rest is read when it is used.
        for name in ("graphs", "smiles", "identities", "_measurements"):
            if name in self.__dict__:
                store.__dict__[name] = self.__dict__[name]
        store.features = self.features
        return store

    def _position(self, assay_id: str) -> int:
        if assay_id not in self._positions:
            raise InputError.of(
                f"assay of {self.path}",
                got=repr(assay_id),
                expected=f"one of {listed(self.assay_ids, 5)}",
            )
        return self._positions[assay_id]

    def __repr__(self) -> str:
        return f"AssayStore({str(self.path)!r}: {len(self)} assays, {self.n_molecules} molecules)"


class _Owner:
    """Stands for the right to a temporary folder; when the last holder goes, so does the folder."""
