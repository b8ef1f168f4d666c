"""The domain: what exists, what made it, what depends on it."""
