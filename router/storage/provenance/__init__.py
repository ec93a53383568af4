"""What happened to records: events in a ring on disk, the content of some, and reading both."""
