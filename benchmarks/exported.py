"""An exported encoder against `load_encoder`, on real molecules: differences and time.

    python benchmarks/exported.py MODEL PROGRAM [FILE] [--molecules 10000]

PROGRAM is what `molmeta export MODEL -o PROGRAM` wrote. It runs through the file beside it in a
process of its own, in which importing molmeta fails.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from molmeta import load_encoder

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "fsmol" / "valid.csv.gz"
TOLERANCE = 1e-5
ALONE = """
import importlib.util, json, sys, time
import numpy as np
sys.modules["molmeta"] = None
program, smiles, out = sys.argv[1:]
spec = importlib.util.spec_from_file_location("encoder", program.rpartition(".")[0] + ".py")
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
encoder = module.ExportedEncoder(program)
rows = json.load(open(smiles))
begin = time.process_time()
np.save(out, encoder(rows))
print(time.process_time() - begin)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", help="a run folder, or a shipped model's name")
    parser.add_argument("program", type=Path, help="a .pt2 or .onnx file")
    parser.add_argument("file", nargs="?", type=Path, default=DATA, help="a CSV with `smiles`")
    parser.add_argument("--molecules", type=int, default=10_000)
    arguments = parser.parse_args()
    column = pd.read_csv(arguments.file, usecols=["smiles"])["smiles"].drop_duplicates()
    smiles = column.sample(min(arguments.molecules, len(column)), random_state=0).tolist()
    encoder = load_encoder(arguments.model)
    begin = time.process_time()
    expected = encoder.encode(smiles)
    seconds = time.process_time() - begin
    found, own_seconds = run_alone(arguments.program, smiles)
    same_rows = (np.isnan(found) == np.isnan(expected)).all()
    difference = np.nanmax(np.abs(found - expected))
    print(f"{len(smiles):,} molecules of {arguments.file.name}, {arguments.program.name}")
    print(f"rows without a vector: {int(np.isnan(expected[:, 0]).sum())}, the same: {same_rows}")
    print(f"greatest difference: {difference:.2g} of numbers up to {np.nanmax(abs(expected)):.3g}")
    print(f"seconds from SMILES: {own_seconds:.1f}; molmeta itself: {seconds:.1f}")
    sys.exit(0 if same_rows and difference <= TOLERANCE else 1)


def run_alone(program: Path, smiles: list[str]) -> tuple[np.ndarray, float]:
    """Encode in a process that cannot import molmeta: the vectors, and seconds of the processor."""
    with tempfile.TemporaryDirectory() as folder:
        given, out = Path(folder) / "smiles.json", Path(folder) / "vectors.npy"
        given.write_text(json.dumps(smiles), encoding="utf-8")
        words = [ALONE, str(program.resolve()), str(given), str(out)]
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", *words],
            cwd=folder,
            env={"OMP_NUM_THREADS": "1"},
            text=True,
            capture_output=True,
            check=True,
        )
        return np.load(out), float(done.stdout)


if __name__ == "__main__":
    main()
