"""A small fleet: listeners in pairs, consumers and a Redis, any of which is killed."""
