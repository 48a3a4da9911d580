"""Content: what is published once and read by everybody, from servers' memory and from the edge."""
