"""Graphs → vectors → scores: plain modules that know nothing of meta-learning."""

from molmeta.models.encoders import DMPNN, GINE, GPS, PNA, GATv2
from molmeta.models.heads import LinearHead, MatchingHead, PrototypicalHead
from molmeta.models.registry import ENCODERS, HEADS

__all__ = [
    "DMPNN",
    "ENCODERS",
    "GINE",
    "GPS",
    "HEADS",
    "PNA",
    "GATv2",
    "LinearHead",
    "MatchingHead",
    "PrototypicalHead",
]
