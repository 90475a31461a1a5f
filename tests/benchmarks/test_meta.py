"""The arithmetic of the cost benchmark that no machine without an accelerator would exercise."""

from __future__ import annotations

import pytest

from benchmarks.meta import kernel_seconds


def event(category: str, start: float, length: float) -> dict[str, object]:
    return {"ph": "X", "cat": category, "ts": start, "dur": length, "name": "any"}


def test_an_accelerator_is_busy_while_any_kernel_runs() -> None:
    trace = [
        event("kernel", 500.0, 100.0),
        event("kernel", 100.0, 50.0),
        event("kernel", 120.0, 10.0),  # within the one before
        event("kernel", 140.0, 20.0),  # beyond it
        event("cuda_runtime", 0.0, 900.0),
        event("gpu_user_annotation", 0.0, 900.0),
        {"ph": "s", "cat": "ac2g", "ts": 100.0},
        {"ph": "M", "name": "process_name", "ts": 0},
    ]
    assert kernel_seconds(trace) == pytest.approx(160e-6)
    assert kernel_seconds([]) == 0
