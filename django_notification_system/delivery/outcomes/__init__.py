"""What became of a notification: applied to its row, recorded, announced."""
