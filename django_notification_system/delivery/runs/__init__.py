"""A run, and the threads of its lanes."""
