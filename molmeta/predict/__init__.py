"""Use on a new assay: estimators and tables."""

from molmeta.predict.estimators import FewShotClassifier
from molmeta.predict.regressor import FewShotRegressor
from molmeta.predict.table import learn, predict_table

__all__ = ["FewShotClassifier", "FewShotRegressor", "learn", "predict_table"]
