"""Graphs → vectors → scores: plain modules that know nothing of meta-learning."""

from molmeta.models.columns import Columns
from molmeta.models.context import Context
from molmeta.models.encoder import ENCODERS, Encoder
from molmeta.models.encoders import (
    DMPNN,
    GINE,
    GPS,
    PNA,
    FingerprintEncoder,
    GATv2,
    GraphEncoder,
    Hybrid,
    Joined,
)
from molmeta.models.head import HEADS, AttentionHead, Head
from molmeta.models.heads import LinearHead, MatchingHead, PrototypicalHead
from molmeta.models.known_assays import KnownAssays

__all__ = [
    "DMPNN",
    "ENCODERS",
    "GINE",
    "GPS",
    "HEADS",
    "PNA",
    "AttentionHead",
    "Columns",
    "Context",
    "Encoder",
    "FingerprintEncoder",
    "GATv2",
    "GraphEncoder",
    "Head",
    "Hybrid",
    "Joined",
    "KnownAssays",
    "LinearHead",
    "MatchingHead",
    "PrototypicalHead",
]
