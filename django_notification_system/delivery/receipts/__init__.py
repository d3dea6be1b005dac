"""The provider's later word on a message."""
