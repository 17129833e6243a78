"""The toolkit with which architectures are written: activations, layers, composed networks."""
