"""What values each step of a forward can have, where that leaves the domain of an op, and inputs that show it."""
