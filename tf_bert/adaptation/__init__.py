"""What is done to a loaded model before, or while, it is fine-tuned."""
