"""The bundled drugs as stores, to train on and to validate by."""

from __future__ import annotations

import pytest

from molmeta.assays import AssayStore, drug_mechanisms


@pytest.fixture(scope="session")
def stores(tmp_path_factory: pytest.TempPathFactory) -> tuple[AssayStore, AssayStore]:
    folder = tmp_path_factory.mktemp("stores")
    return (
        AssayStore.from_frame(drug_mechanisms("train"), folder / "train"),
        AssayStore.from_frame(drug_mechanisms("valid"), folder / "valid"),
    )
