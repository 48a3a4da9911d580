"""The worker process: it builds the adapters and runs one Celery task per job kind."""
