"""Ways to obtain kernel matrices."""
