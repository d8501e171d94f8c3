"""`--mode=inspect`: what a training would meet, found without training."""
