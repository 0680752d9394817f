"""`python -m adapters.simulators`: the sandbox as a process."""

import argparse
import sys

from adapters.simulators.server import LOOPBACK, run_sandbox


def main() -> None:
    """Read ports from the command line and serve until told to stop."""
    parser = argparse.ArgumentParser(prog="python -m adapters.simulators", description=__doc__)
    parser.add_argument("--port", type=int, default=8003, help="HTTP; 0 takes a free one")
    parser.add_argument("--smtp-port", type=int, default=8004, help="SMTP; 0 takes a free one")
    parser.add_argument("--host", default=LOOPBACK, help="address to listen on")
    arguments = parser.parse_args()
    try:
        run_sandbox(arguments.port, arguments.smtp_port, arguments.host)
    except OSError as error:
        sys.exit(
            f"sandbox: {error.strerror} ({arguments.host}, ports {arguments.port} and "
            f"{arguments.smtp_port})"
        )


if __name__ == "__main__":
    main()
