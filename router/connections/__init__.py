"""Connections: bounded, visible queues between processors."""
