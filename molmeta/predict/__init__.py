"""Use on a new assay: estimators and tables.

Names are imported when they are first used (PEP 562): to refuse an output's name takes no torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__all__ = ["FewShotClassifier", "FewShotRegressor", "learn", "predict_table"]

if TYPE_CHECKING:
    from molmeta.predict.estimators import FewShotClassifier, FewShotRegressor
    from molmeta.predict.table import learn, predict_table

_HOMES = {
    "FewShotClassifier": "molmeta.predict.estimators",
    "FewShotRegressor": "molmeta.predict.estimators",
    "learn": "molmeta.predict.table",
    "predict_table": "molmeta.predict.table",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)
