"""What a fine-tuned BERT has to beat: models that train in seconds.

Each ``fit_*`` function takes training texts and labels and returns a model
with ``predict(texts, text_pairs)``, so that all of them are used alike. No
TensorFlow.
"""
