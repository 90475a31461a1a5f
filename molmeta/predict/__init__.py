"""Use on a new assay: estimators and tables."""

from molmeta.predict.estimators import FewShotClassifier, FewShotRegressor
from molmeta.predict.table import predict_table

__all__ = ["FewShotClassifier", "FewShotRegressor", "predict_table"]
