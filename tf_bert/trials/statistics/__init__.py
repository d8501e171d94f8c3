"""What many trials say of a recipe, and of two."""
