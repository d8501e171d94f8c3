"""Changes to a model before it is trained; none of them changes its code."""
