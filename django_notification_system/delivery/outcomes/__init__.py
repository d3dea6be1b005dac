"""A notification's outcome: applied to the row, recorded, announced."""
