"""All SQL: models, named queries and migrations."""
