"""A store's folder: its header, its tables and its arrays, read when they are used."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from molmeta.chem.features import Feature, Matrix
from molmeta.chem.featurize import FEATURE_SPEC
from molmeta.errors import InputError

FORMAT, VERSION = "molmeta-store", 1
_FIX = "Featurize the source files again."


def is_store(path: Path | str) -> bool:
    """Return whether a path is an assay store's folder."""
    return (Path(path) / "store.json").is_file()


@dataclass(frozen=True)
class StoreFolder:
    """The files that `store` lists.

    Attributes:
        path: Where they are.
    """

    path: Path

    def header(self) -> dict[str, Any]:
        """Read `store.json`.

        Raises:
            InputError: If this is no store, or one of another version or with other features.
        """
        try:
            header: dict[str, Any] = json.loads((self.path / "store.json").read_bytes())
            version = header["version"] if header["format"] == FORMAT else None
        except (OSError, ValueError, KeyError, TypeError):
            version = None
        if version != VERSION:
            raise InputError.of(
                f"store {self.path}",
                got="no molmeta store" if version is None else f"a store of version {version}",
                expected=f"a folder that `molmeta featurize` of version {VERSION} wrote",
                fix=_FIX,
            )
        if header.get("feature_spec") != FEATURE_SPEC:
            raise InputError.of(
                f"store {self.path} holds other features",
                got=json.dumps(header.get("feature_spec"), sort_keys=True),
                expected=json.dumps(FEATURE_SPEC, sort_keys=True),
                fix=_FIX,
            )
        return header

    def has(self, feature: Feature) -> bool:
        """Return whether a feature is stored."""
        return (self.path / feature.file).exists()

    def table(self, name: str, columns: list[str] | None = None) -> pa.Table:
        """Read a table, or some of its columns.

        Raises:
            InputError: If the file is damaged or missing, as for all that follow.
        """
        try:
            return pq.read_table(self.path / f"{name}.parquet", columns=columns)
        except (OSError, pa.ArrowException) as error:
            raise self._damaged(error) from None

    def array(self, name: str) -> NDArray[Any]:
        """Open an array, memory-mapped."""
        try:
            array: NDArray[Any] = np.load(self.path / name, mmap_mode="r")
        except (OSError, ValueError, EOFError) as error:
            raise self._damaged(error) from None
        return array

    def feature(self, feature: Feature) -> Matrix:
        """Read a stored feature of the molecules."""
        try:
            return feature.load(self.path)
        except (OSError, ValueError, EOFError, KeyError, BadZipFile) as error:
            raise self._damaged(error) from None

    def _damaged(self, error: Exception) -> InputError:
        return InputError.of(
            f"store {self.path}",
            got=f"a damaged or missing file ({error})",
            expected="a whole store",
            fix=_FIX,
        )
