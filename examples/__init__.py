"""Figures that answer a question; each says in its help which runs it takes."""
