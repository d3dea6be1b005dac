"""Claims: due rows in order, and the right to deliver them."""
