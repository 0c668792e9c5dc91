"""A layer held to what else tells its values: its definition, at usual numbers and far from them, and its match."""
