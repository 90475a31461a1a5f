"""Evaluation on assays that no method has seen: protocols, baselines, comparison."""

from molmeta.evaluation.baselines import BASELINES, make_baselines
from molmeta.evaluation.evaluate import evaluate
from molmeta.evaluation.protocol import PROTOCOLS, Method
from molmeta.evaluation.results import Results, read_results

__all__ = [
    "BASELINES",
    "PROTOCOLS",
    "Method",
    "Results",
    "evaluate",
    "make_baselines",
    "read_results",
]
