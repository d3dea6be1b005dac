"""What a provider says of a message later."""
