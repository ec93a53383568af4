"""The built-in formats: how records lie in files and streams."""
