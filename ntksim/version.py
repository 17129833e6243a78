"""The version, and the number that says when stored results stop being comparable."""

__version__ = "0.1.0"

NUMERICS_VERSION = 6
"""Raised when the same cell would be given other numbers; part of every cell's identity."""
