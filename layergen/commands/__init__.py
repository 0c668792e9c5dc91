"""Commands that print themselves what they do; the command line has the others."""
