"""What is left of the promises when everything breaks: see ``__main__.py``."""
