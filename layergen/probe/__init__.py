"""A layer on data: what its tensors hold, where it is run, and runs of it that are held against others of its own."""
