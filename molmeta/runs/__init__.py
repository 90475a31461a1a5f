"""Run folders: a trained model, and what is kept beside its weights."""

from molmeta.runs.model import Model, load_model

__all__ = ["Model", "load_model"]
