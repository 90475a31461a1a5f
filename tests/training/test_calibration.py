"""What is kept of a model's calibration."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from molmeta.errors import InputError
from molmeta.runs.calibration import CALIBRATION, Calibration, Line

LINE = Line(intercept=0.1, weights={"a": 2.0, "b": -1.0}, low=-0.2, high=0.3, level=0.8)
FITTED = Calibration("ours", {16: 0.5, 64: 2.0}, LINE, {"hinted": 0.4, "otherwise": 0.1})


def test_it_comes_back_as_it_was(tmp_path: Path) -> None:
    FITTED.save(tmp_path)
    assert Calibration.load(tmp_path) == FITTED
    assert Calibration.load(tmp_path / "nowhere") is None


def test_temperatures_between_and_beyond_the_fitted_sizes() -> None:
    assert FITTED.temperature(16) == pytest.approx(0.5)
    assert FITTED.temperature(32) == pytest.approx(1.0)  # half way, in logs of both
    assert FITTED.temperature(4) == pytest.approx(0.5)
    assert FITTED.temperature(10_000) == pytest.approx(2.0)


def test_a_line_adds_up() -> None:
    assert LINE.at({"a": 1.0, "b": 0.5, "unread": 9.0}) == pytest.approx(1.6)
    with pytest.raises(KeyError):
        LINE.at({"a": 1.0})


@pytest.mark.parametrize(
    "change",
    [
        {"temperatures": {}},
        {"temperatures": {"16": 0}},
        {"temperatures": {"16": float("nan"), "64": 1.0}},
        {"temperatures": {"64": 1.0, "16": float("nan")}},
        {"temperatures": {"16": float("inf")}},
        {"temperatures": {"0": 1.0}},
        {"temperatures": [1, 2]},
        {"loses": {"hinted": 0.4}},
        {"loses": {"hinted": float("nan"), "otherwise": 0.1}},
        {"delta_auprc": {"intercept": 0.1}},
        {"delta_auprc": {"intercept": "x", "weights": {}, "low": 0, "high": 0, "level": 0.8}},
        {
            "delta_auprc": {
                "intercept": 0,
                "weights": {"a": float("inf")},
                "low": 0,
                "high": 0,
                "level": 0.8,
            }
        },
    ],
)
def test_a_damaged_file_is_refused(change: dict[str, object], tmp_path: Path) -> None:
    FITTED.save(tmp_path)
    file = tmp_path / CALIBRATION
    file.write_text(json.dumps(json.loads(file.read_text()) | change))
    with pytest.raises(InputError, match=r"calibration .*cannot be used"):
        Calibration.load(tmp_path)
    file.write_bytes(np.random.default_rng(0).bytes(50))
    with pytest.raises(InputError, match=r"calibration .*cannot be used"):
        Calibration.load(tmp_path)
