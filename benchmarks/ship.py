"""Make a run the model that comes with molmeta: its files, with the weights in half precision.

The largest matrices, each of whose rows is one of many that are added up, in eight bits.

    python benchmarks/ship.py RUN CARD.md --held-out STORE

CARD.md becomes the model card. The model as it is shipped is calibrated on the store's assays,
which it should not have been trained on (`calibrate.py`). Whether half precision costs anything is
for `molmeta evaluate` to say, on the shipped model.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

import torch
from calibrate import calibrate, report
from torch import Tensor

from molmeta import AssayStore
from molmeta.assays import load_assays
from molmeta.runs import load_model
from molmeta.runs.domain import DOMAIN
from molmeta.runs.model import ASSAYS, CARD, CONFIG, MOLECULES
from molmeta.training.checkpoint import load_tensors, save_tensors
from molmeta.training.metatrain import MODEL
from molmeta.training.progress import METRICS
from molmeta.training.start import Seen

_LARGE = 1_000_000
DEFAULT = Path(__file__).resolve().parents[1] / "molmeta" / "pretrained" / "default"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("card", type=Path)
    parser.add_argument(
        "--train", type=Path, help="the training assays, where RUN recorded their ids alone"
    )
    parser.add_argument("--held-out", type=Path, required=True)
    given = parser.parse_args()
    load_model(given.run)  # whole and of this version's features
    for name in (CONFIG, METRICS, ASSAYS, MOLECULES, DOMAIN):
        shutil.copyfile(given.run / name, DEFAULT / name)
    if given.train:
        (Seen.of_run(DEFAULT) | Seen.of_store(load_assays(given.train))).save(DEFAULT)
    shutil.copyfile(given.card, DEFAULT / CARD)
    tensors = load_tensors(given.run / MODEL)
    save_tensors(DEFAULT / MODEL, {name: shortened(value) for name, value in tensors.items()})
    fitted, judged = calibrate(DEFAULT, AssayStore.open(given.held_out))
    fitted.save(DEFAULT)
    report(fitted, judged)
    for file in sorted(DEFAULT.iterdir()):
        print(f"{file.stat().st_size:>10,} {file.name}")


def shortened(tensor: Tensor) -> Tensor:
    """In as few bits as cost nothing that can be told from noise (docs/model.md)."""
    if tensor.dtype != torch.float32:
        return tensor
    return tensor.to(torch.float8_e4m3fn) if tensor.numel() > _LARGE else tensor.half()


if __name__ == "__main__":
    main()
