"""The store: a journal of finished cells, collected into one labelled Zarr tree."""
