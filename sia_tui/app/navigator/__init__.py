"""Where the user is and what can be done there. Never imports Textual."""
