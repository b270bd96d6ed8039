"""Training: one run, its compiled steps, what it tells."""
