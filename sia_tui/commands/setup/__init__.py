"""This machine: models, settings, checks, the app in a browser."""
