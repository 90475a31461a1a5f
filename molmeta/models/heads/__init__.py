"""Heads: support set and query → scores; each registers itself when it is imported."""

from molmeta.models.heads.linear import LinearHead
from molmeta.models.heads.matching import MatchingHead
from molmeta.models.heads.prototypical import PrototypicalHead

__all__ = ["LinearHead", "MatchingHead", "PrototypicalHead"]
