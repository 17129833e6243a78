"""Ways to evolve outputs in training time."""
