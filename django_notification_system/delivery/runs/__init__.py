"""A run, and the threads of the lanes."""
