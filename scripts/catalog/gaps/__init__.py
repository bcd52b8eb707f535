"""Gaps and errors of Asterisk's XML documentation, kept by hand.

They come from its source (named) and from real servers.
"""
