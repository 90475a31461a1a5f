"""Calibration of a model on assays held out of training: how sure it should be, how good.

Kept beside the weights in `calibration.json`; `molmeta.training.calibrate` fits it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import logit

from molmeta.resources import read_if_there, write_json

CALIBRATION = "calibration.json"


def prior(labels: NDArray[np.float32]) -> float:
    """Give the log-odds that a support set's ratio of classes stands for; labels (s,), 0 or 1.

    >>> round(prior(np.array([1, 1, 1, 0], np.float32)), 3)
    0.847
    """
    return float(logit((labels.sum() + 0.5) / (len(labels) + 1)))


@dataclass(frozen=True)
class Line:
    """A linear expectation, and how far from it the truth lay on held-out assays.

    Attributes:
        intercept: Its value where all numbers are zero.
        weights: What each number adds, by its name.
        low: The quantile (1 − level) / 2 of truth − expectation.
        high: The quantile (1 + level) / 2.
        level: The share of held-out draws between them.
    """

    intercept: float
    weights: dict[str, float]
    low: float
    high: float
    level: float

    def at(self, numbers: Mapping[str, float]) -> float:
        """Compute the expectation.

        >>> Line(0.1, {"confidence": 2.0}, -0.2, 0.3, 0.8).at({"confidence": 0.1})
        0.30000000000000004

        Raises:
            KeyError: If a number that it reads is missing.
        """
        return self.intercept + sum(w * numbers[name] for name, w in self.weights.items())


@dataclass(frozen=True)
class Calibration:
    """A model's calibration, fitted on held-out assays.

    Attributes:
        fitted_on: Which assays, for the reader.
        temperatures: By the size of the support set: what the evidence is divided by.
        delta_auprc: Expects ΔAUPRC on the rest of the assay from what the support set hints at.
        loses: How often similarity search did better on the rest of the assay: where it did so
            on left-out support molecules ("hinted"), and elsewhere ("otherwise").
    """

    fitted_on: str
    temperatures: dict[int, float]
    delta_auprc: Line
    loses: dict[str, float]

    def temperature(self, size: int) -> float:
        """Interpolate the temperature of a support set of `size` molecules, by log size."""
        sizes = sorted(self.temperatures)
        heights = np.log([self.temperatures[one] for one in sizes])
        return float(np.exp(np.interp(np.log(size), np.log(sizes), heights)))

    @staticmethod
    def load(run: Path) -> Calibration | None:
        """Read what `save` wrote to a run folder; None if it has none.

        Raises:
            InputError: If the file is damaged.
        """
        expected = "what `molmeta.training.calibrate` fits"
        return read_if_there(run / CALIBRATION, _read, "calibration", expected)

    def save(self, run: Path) -> None:
        """Write it to a run folder, whole or not at all."""
        write_json(run / CALIBRATION, asdict(self))


def _read(file: Path) -> Calibration:
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    temperatures = {int(k): float(v) for k, v in found["temperatures"].items()}
    if not temperatures or not all(
        size > 0 and 0 < heat < np.inf for size, heat in temperatures.items()
    ):
        raise ValueError(f"temperatures {temperatures}")
    loses = {key: float(found["loses"][key]) for key in ("hinted", "otherwise")}
    line = Line(**found["delta_auprc"])
    numbers = [line.intercept, line.low, line.high, line.level, *line.weights.values()]
    if not np.isfinite([*numbers, *loses.values()]).all():
        raise ValueError("a number that is not finite")
    return Calibration(str(found["fitted_on"]), temperatures, line, loses)
