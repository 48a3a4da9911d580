"""One outside system each, behind a Protocol of the domain."""
