"""The promises while everything breaks: see ``__main__.py``."""
