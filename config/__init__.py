"""Settings, logging and Celery configuration: what a deployment may change."""
