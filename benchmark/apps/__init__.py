"""Programs that start the servers which are libraries."""
