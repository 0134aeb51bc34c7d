"""`python -m workers.cli` is `airunway`."""

from airunway.cli import main

if __name__ == "__main__":
    main()
