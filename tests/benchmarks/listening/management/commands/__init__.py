"""Each is measured as a user would run it."""
