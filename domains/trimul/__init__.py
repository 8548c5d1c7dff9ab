"""The triangle multiplicative update of AlphaFold 3, made fast."""
