"""`report.html`: what trials, or one training, have shown."""
