"""``python -m ntksim``."""

from ntksim.cli import main

if __name__ == "__main__":
    main(prog_name="ntksim")
