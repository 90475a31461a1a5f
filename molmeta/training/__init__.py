"""Training: the stages of a run, and the loops that they are."""

from __future__ import annotations

from typing import Any


def __getattr__(name: str) -> Any:
    if name == "train":
        from molmeta.runs.model import train

        return train
    raise AttributeError(name)
