"""A small Django project that sends notifications."""
