"""The domain toy: which digit is drawn on eight by eight squares? The whole loop in ten seconds."""
