"""One module per feature: parse, submit or read, answer."""
