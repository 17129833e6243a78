"""Values at the training points in the eigenbasis of their kernel."""

from __future__ import annotations

from ntksim import Array, Spectrum


def in_modes(spectrum: Spectrum, values: Array) -> Array:
    """Return Vᵀ times values (N, K), a column for each output; for a full kernel one column.

    For a full kernel, whose rows are ordered (point, output), the whole projection on each of its
    n = N·K modes is meant. Sums of squares over both axes are those of ``values``.
    """
    return spectrum.eigenvectors.T @ values.reshape(len(spectrum.eigenvectors), -1)
