"""Registries of encoders and heads, by the names that recipes use."""

from molmeta.config import Registry

ENCODERS = Registry("encoder")
HEADS = Registry("head")
