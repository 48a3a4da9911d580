"""Rides: the rules of who is driven where, by whom, and for how much."""
