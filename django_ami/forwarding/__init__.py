"""Forwarding events onto an engine, from which consumers anywhere take them."""
