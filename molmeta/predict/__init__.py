"""Use on a new assay: estimators and tables."""

from molmeta.predict.estimators import FewShotClassifier
from molmeta.predict.table import predict_table

__all__ = ["FewShotClassifier", "predict_table"]
