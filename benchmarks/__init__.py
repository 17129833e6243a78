"""ntksim beside its peers and the machine's ceilings; ``python -m benchmarks`` measures."""
