"""Run folders: a trained model, and what is kept beside its weights."""

from molmeta.runs.model import LoadedModel, load_model

__all__ = ["LoadedModel", "load_model"]
