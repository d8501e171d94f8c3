"""BERT in Keras 3. Only `keras.ops`, so that any Keras backend runs it."""
