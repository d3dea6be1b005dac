"""The commands of the inbox, a module each."""
