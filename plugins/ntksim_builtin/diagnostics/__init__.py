"""Quantities measured on finished cells."""
