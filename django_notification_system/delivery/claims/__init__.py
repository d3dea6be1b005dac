"""Which rows, and the right to them."""
