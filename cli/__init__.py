"""The "yardmaster" command."""
