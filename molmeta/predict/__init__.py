"""Use on a new assay: estimators and tables.

Names are imported when they are first used (PEP 562): to refuse an output's name takes no torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__all__ = ["FewShotClassifier", "FewShotRegressor", "learn", "predict_table"]

if TYPE_CHECKING:
    from molmeta.predict.estimators import FewShotClassifier, FewShotRegressor
    from molmeta.predict.table import learn, predict_table


def __getattr__(name: str) -> Any:
    if name in ("FewShotClassifier", "FewShotRegressor"):
        from molmeta.predict import estimators

        return getattr(estimators, name)
    if name in ("learn", "predict_table"):
        from molmeta.predict import table

        return getattr(table, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
