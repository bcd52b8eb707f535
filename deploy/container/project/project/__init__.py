"""A small project: a site and its listeners, one image."""
