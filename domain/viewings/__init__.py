"""Viewings: what owners of keys watched, when, and how often."""
