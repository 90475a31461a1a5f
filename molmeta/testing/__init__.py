"""Conformance suites for users' own encoders and heads; molmeta's own pass them too."""

from molmeta.testing.encoder import check_encoder
from molmeta.testing.head import check_head
from molmeta.testing.laws import BrokenLaw

__all__ = ["BrokenLaw", "check_encoder", "check_head"]
