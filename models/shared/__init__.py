"""What models share: the contract, layers, noise, pixels."""
