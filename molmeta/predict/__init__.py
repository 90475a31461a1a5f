"""Use on a new assay: estimators and tables.

Names are imported when they are first used (PEP 562): to refuse an output's name takes no torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__all__ = ["FewShotClassifier", "FewShotRegressor", "learn", "predict_table"]

if TYPE_CHECKING:
    from molmeta.predict.estimators import FewShotClassifier
    from molmeta.predict.regressor import FewShotRegressor
    from molmeta.predict.table import learn, predict_table


def __getattr__(name: str) -> Any:
    if name == "FewShotClassifier":
        from molmeta.predict.estimators import FewShotClassifier

        return FewShotClassifier
    if name == "FewShotRegressor":
        from molmeta.predict.regressor import FewShotRegressor

        return FewShotRegressor
    if name in ("learn", "predict_table"):
        from molmeta.predict import table

        return getattr(table, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
