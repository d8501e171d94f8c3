"""What is changed in a loaded model before it is trained."""
