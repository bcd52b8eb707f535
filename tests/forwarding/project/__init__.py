"""A project whose receivers write what they get to a file."""
