"""From points to a dataset: splitting, scaling, coding."""
