"""Start a job for each message of the queue."""
