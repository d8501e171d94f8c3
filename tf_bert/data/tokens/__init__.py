"""From texts to tokens: one tokenizer, in the graph."""
