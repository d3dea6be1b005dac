"""What handlers of providers with an HTTP API share."""
