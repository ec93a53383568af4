"""What outlives a record's way through the flow: dead letters, state."""
