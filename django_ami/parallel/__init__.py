"""Receivers on several threads, each call in order."""
