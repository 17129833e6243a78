"""Spectral functions and factorisations: arrays in, arrays out."""
