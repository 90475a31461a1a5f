"""The record of what a run's model has seen, in the run folder."""

import json
from pathlib import Path

import numpy as np

from molmeta.assays.record import AssayRecord
from molmeta.chem.standardize import Standardizer
from molmeta.errors import InputError
from molmeta.resources import write_atomically, write_json
from molmeta.runs.config import load_config

ASSAYS, MOLECULES = "assays.json", "molecules.npy"


def save_seen(run: Path, seen: AssayRecord) -> None:
    """Write the record into a run folder, each file as a whole."""
    write_json(run / ASSAYS, seen.digests)
    with write_atomically(run / MOLECULES) as file:
        np.save(file, seen.molecules)


def load_seen(run: Path) -> AssayRecord:
    """Read the record of a run folder; early versions of molmeta recorded ids alone.

    Raises:
        InputError: If there is none, so that leakage cannot be ruled out.
    """
    try:
        found = json.loads((run / ASSAYS).read_text(encoding="utf-8"))
        digests = found if isinstance(found, dict) else dict.fromkeys(found)
        molecules = np.load(run / MOLECULES, allow_pickle=False)
    except (OSError, ValueError, TypeError) as error:
        raise InputError.of(
            f"model {run}",
            got=f"no readable {ASSAYS} and {MOLECULES} ({error})",
            expected="both, which `molmeta train` writes, to check for leakage",
        ) from None
    form = Standardizer.from_spec(load_config(run).get("standardize"))
    return AssayRecord(digests, molecules, standardize=form)
