"""A release: a run's files as the model that comes with molmeta, its weights in fewer bits."""

import shutil
from pathlib import Path

import torch
from torch import Tensor

from molmeta.runs.card import CARD
from molmeta.runs.config import CONFIG
from molmeta.runs.domain import DOMAIN
from molmeta.runs.model import MODEL, load_model
from molmeta.runs.seen import ASSAYS, MOLECULES
from molmeta.tensors import load_tensors, save_tensors

METRICS = "metrics.csv"
_ADDED_UP = ("encoder.environments", "encoder.pairs")
"""Matrices each of whose rows is one of many that are added up: rounding averages out."""


def release(run: Path, card: Path, folder: Path) -> None:
    """Copy what is needed to use a run's model, with a card written for its readers.

    Weights are kept in half precision; matrices each of whose rows is one of many that are added
    up, in eight bits. Calibrate the copy, not the run (research/fingerprint.md).

    >>> from molmeta.runs.model import shipped_models
    >>> _ = Path("card.md").write_text("# Ours")
    >>> release(shipped_models()["graph"], Path("card.md"), Path("ours"))
    >>> sorted(path.name for path in Path("ours").iterdir())[:3]
    ['README.md', 'assays.json', 'config.json']

    Args:
        run: The run folder.
        card: The model card, Markdown.
        folder: Where the release goes, e.g. `molmeta/pretrained/fingerprint`.

    Raises:
        InputError: If the run cannot be used by this version of molmeta.
    """
    load_model(run)
    folder.mkdir(parents=True, exist_ok=True)
    for name in (CONFIG, METRICS, ASSAYS, MOLECULES, DOMAIN):
        shutil.copyfile(run / name, folder / name)
    shutil.copyfile(card, folder / CARD)
    tensors = load_tensors(run / MODEL)
    save_tensors(folder / MODEL, {name: shorten(name, value) for name, value in tensors.items()})


def shorten(name: str, tensor: Tensor) -> Tensor:
    """Keep a tensor of that name in as few bits as cost nothing that can be told from noise.

    >>> shorten("encoder.last.bias", torch.zeros(3)).dtype
    torch.float16
    >>> shorten("encoder.pairs", torch.zeros(3)).dtype
    torch.float8_e4m3fn
    >>> shorten("places", torch.zeros(2, dtype=torch.long)).dtype
    torch.int64
    """
    if tensor.dtype != torch.float32:
        return tensor
    return tensor.to(torch.float8_e4m3fn) if name in _ADDED_UP else tensor.half()
