"""How sure a number is: over the rows of a split, and over trials."""
