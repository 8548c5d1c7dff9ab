"""What a person touches: the `sia` command and the terminal app."""
