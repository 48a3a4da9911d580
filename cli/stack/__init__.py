"""The embedded stack: real PostgreSQL and Valkey servers as child processes, and the processes on top."""
