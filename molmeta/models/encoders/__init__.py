"""Graph encoders: one file a family; each registers itself when it is imported."""

from molmeta.models.encoders.gine import GINE

__all__ = ["GINE"]
