"""Small assays on which evaluation is tested: amines are active, and a few labels are odd."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from molmeta.assays import drug_mechanisms
from molmeta.assays.store import AssayStore
from molmeta.training import train


def make_frame(n_assays: int = 3, n: int = 30) -> pd.DataFrame:
    """Assays over chains and rings, with or without an amine; each fifth label is flipped."""
    tails = ["C" * k for k in range(1, 9)] + ["c1ccccc1" + "C" * k for k in range(8)]
    molecules = [f"{head}{tail}" for tail in tails for head in ("N", "O")][:n]
    rows = []
    for number in range(n_assays):
        odd = np.random.default_rng(number).permutation(n)[: n // 5]
        for row, smiles in enumerate(molecules):
            active = smiles.startswith("N") != (row in odd)
            value = 5.0 + 2.0 * active + 0.05 * row
            rows.append((f"assay {number}", smiles, float(active), value))
    return pd.DataFrame(rows, columns=["assay", "smiles", "label", "value"])


@pytest.fixture(scope="session")
def store() -> AssayStore:
    """Two assays on one set of molecules, and one with a row that does not parse and a repeat."""
    frame = make_frame()
    odd = pd.DataFrame(
        [
            ("assay 2", "not a molecule", 1.0, 7.0),
            ("assay 2", "CN", 1.0, 7.0),
            ("small", "CCN", 1.0, 7.0),
            ("small", "CCO", 0.0, 5.0),
            ("assay 2", "CCCl", np.nan, np.nan),
        ],
        columns=frame.columns,
    )
    return AssayStore.from_frame(pd.concat([frame, odd]))


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run folder of a learner that was trained for two steps."""
    folder = tmp_path_factory.mktemp("runs") / "tiny"
    recipe = {
        "encoder": {"dim": 8, "layers": 1},
        "learner": {"projection": 4},
        "training": {"steps": 2, "assays_per_step": 1, "support_sizes": [4], "query_size": 4},
    }
    train(recipe, AssayStore.from_frame(drug_mechanisms("train")), None, folder)
    return folder
