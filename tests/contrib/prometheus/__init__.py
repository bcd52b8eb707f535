"""Metrics for Prometheus, as Prometheus reads them."""
