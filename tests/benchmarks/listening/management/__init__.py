"""The commands of ``listening``."""
