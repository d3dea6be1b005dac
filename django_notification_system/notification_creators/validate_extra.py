"""What ``extra`` may hold: JSON, as far as every database can store it."""
