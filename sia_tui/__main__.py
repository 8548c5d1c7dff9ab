"""`python -m sia_tui` is `sia`."""

from sia_tui.main import main

main()
