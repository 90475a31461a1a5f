"""Registries of encoders and heads, by the names that recipes use."""

from __future__ import annotations

from molmeta.config import Registry

ENCODERS = Registry("encoder")
HEADS = Registry("head")
