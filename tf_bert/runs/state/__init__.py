"""What a training resumes from, on one machine and on several."""
