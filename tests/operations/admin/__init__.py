"""The admin of the operations, under each version of Django."""
