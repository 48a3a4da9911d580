"""Videos: what an upload may be, how it is encoded for streaming, how the result is checked, and who may play it."""
