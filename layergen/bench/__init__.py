"""How long a generated layer takes and how much memory, beside the module that it matches."""
