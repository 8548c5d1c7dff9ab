"""The full-screen app: a reader of logs that may attach, detach or crash without harm to any run."""
