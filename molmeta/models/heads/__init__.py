"""Heads: support set and query → scores; each registers itself when it is imported."""

from molmeta.models.heads.matching import MatchingHead

__all__ = ["MatchingHead"]
