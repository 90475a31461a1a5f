"""Encoders: one file a family; each registers itself when it is imported."""

from molmeta.models.encoders.dmpnn import DMPNN
from molmeta.models.encoders.embedding import AtomEmbedding, BondEmbedding
from molmeta.models.encoders.fingerprint import FingerprintEncoder
from molmeta.models.encoders.gatv2 import GATv2
from molmeta.models.encoders.gine import GINE
from molmeta.models.encoders.gps import GPS
from molmeta.models.encoders.graph import GraphEncoder
from molmeta.models.encoders.hybrid import Hybrid
from molmeta.models.encoders.joined import Joined
from molmeta.models.encoders.pna import PNA
from molmeta.models.encoders.readout import Readout

__all__ = [
    "DMPNN",
    "GINE",
    "GPS",
    "PNA",
    "AtomEmbedding",
    "BondEmbedding",
    "FingerprintEncoder",
    "GATv2",
    "GraphEncoder",
    "Hybrid",
    "Joined",
    "Readout",
]
