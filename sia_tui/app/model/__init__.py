"""What the app knows of a log, without a screen: sources, runs, snapshots, the event filter. Never imports Textual."""
