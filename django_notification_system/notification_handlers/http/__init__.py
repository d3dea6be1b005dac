"""Shared by the handlers of providers with an HTTP API."""
