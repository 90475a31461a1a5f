"""Graphs → vectors → scores: plain modules that know nothing of meta-learning."""

from molmeta.models.encoders import GINE
from molmeta.models.heads import LinearHead, MatchingHead, PrototypicalHead
from molmeta.models.registry import ENCODERS, HEADS

__all__ = ["ENCODERS", "GINE", "HEADS", "LinearHead", "MatchingHead", "PrototypicalHead"]
