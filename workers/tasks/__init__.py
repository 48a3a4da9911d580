"""One module per feature: payload to domain to result."""
