"""What all packages use: errors, files, the terminal, the start of TensorFlow."""
