"""What is found out about a layer for its generated tests: values, roundings, and what torch makes of it."""
