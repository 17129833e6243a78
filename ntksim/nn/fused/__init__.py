"""Kernels of chains of dense layers, all layers at once for a few pairs of points.

``lowered`` turns layers into a program for the compiled loops, or says that it cannot;
``matrix.kernels`` runs it. Every other network takes the layers' own algebra, which is the
reference. Nothing here imports numba before a program is run.
"""
