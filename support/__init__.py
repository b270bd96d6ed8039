"""What every room uses: errors, files, the terminal, the start of TensorFlow."""
