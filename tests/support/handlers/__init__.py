"""Handlers for the tests, found through a dotted package name."""
