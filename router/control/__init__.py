"""Watch and steer flows while they run: the API over HTTP, and its client."""
