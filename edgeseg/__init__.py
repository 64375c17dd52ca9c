"""Segments video on small devices."""
