"""What a fine-tuned BERT has to beat: models that train in seconds."""
