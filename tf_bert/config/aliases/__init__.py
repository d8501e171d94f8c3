"""The names that other programs give to flags, and what they are here."""
