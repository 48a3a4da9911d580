"""Cache refreshes: what the points of presence at the edge are told to forget, to fetch and to prove."""
