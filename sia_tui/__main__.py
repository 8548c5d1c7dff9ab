"""`python -m sia_tui` is `sia`; both begin here, and import the commands only after that."""

import signal


def main() -> None:
    """The console script. Ctrl+C ends it without a traceback also while it still imports."""
    interrupts = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if interrupts:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from sia_tui import main as commands

    if interrupts:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    commands.main()


if __name__ == "__main__":
    main()
