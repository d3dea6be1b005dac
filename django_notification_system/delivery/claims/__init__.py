"""Claims: rows in their order, and the right to deliver them."""
