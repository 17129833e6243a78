"""Sources of training and test data."""
