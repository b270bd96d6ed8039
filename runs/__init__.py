"""Run directories: what lies there, from a run to its model, what a model draws."""
