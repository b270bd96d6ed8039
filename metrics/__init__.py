"""Scores: features, probabilities or likelihoods in, a number out; one metric a file."""
