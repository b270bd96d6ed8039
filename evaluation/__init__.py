"""How good a model is: scores of rows, kept in tables."""
