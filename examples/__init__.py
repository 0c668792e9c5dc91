"""Generated layers in use."""
