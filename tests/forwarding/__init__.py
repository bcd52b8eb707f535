"""Forwarding onto an engine."""
