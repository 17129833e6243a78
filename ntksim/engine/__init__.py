"""Runs the cells of a study with Dask."""
