"""The nouns that the rooms speak in: frozen, and nothing in them worth mocking."""
