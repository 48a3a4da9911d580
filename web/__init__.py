"""The API process: a thin Flask application that submits and reads jobs."""
