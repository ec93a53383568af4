"""What runs models: one module a kind of model file."""
