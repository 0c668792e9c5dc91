"""My own layer."""
