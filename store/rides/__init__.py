"""Rides in the database: drivers, rides, offers, their events, and the ticks that match them."""
