"""What the people who run a site ask for: the state of the queue, its clearing out, a test."""
