"""Graphs → vectors → scores: plain modules that know nothing of meta-learning."""

from molmeta.models.columns import Columns
from molmeta.models.context import Context
from molmeta.models.encoder import Encoder
from molmeta.models.encoders import (
    DMPNN,
    GINE,
    GPS,
    PNA,
    FingerprintEncoder,
    GATv2,
    GraphEncoder,
    Hybrid,
)
from molmeta.models.head import AttentionHead, Head
from molmeta.models.heads import LinearHead, MatchingHead, PrototypicalHead
from molmeta.models.known_assays import KnownAssays
from molmeta.models.registry import ENCODERS, HEADS

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
    "KnownAssays",
    "LinearHead",
    "MatchingHead",
    "PrototypicalHead",
]
