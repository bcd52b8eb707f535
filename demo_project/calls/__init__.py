"""Calls: a log of them in the database, and click to call."""
