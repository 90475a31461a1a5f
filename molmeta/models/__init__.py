"""Graphs → vectors → scores: plain modules that know nothing of meta-learning."""

from molmeta.models.context import Context
from molmeta.models.encoders import DMPNN, GINE, GPS, PNA, FingerprintEncoder, GATv2, Hybrid
from molmeta.models.heads import KernelHead, LinearHead, MatchingHead, PrototypicalHead
from molmeta.models.known_assays import KnownAssays
from molmeta.models.registry import ENCODERS, HEADS

__all__ = [
    "DMPNN",
    "ENCODERS",
    "GINE",
    "GPS",
    "HEADS",
    "PNA",
    "Context",
    "FingerprintEncoder",
    "GATv2",
    "Hybrid",
    "KernelHead",
    "KnownAssays",
    "LinearHead",
    "MatchingHead",
    "PrototypicalHead",
]
