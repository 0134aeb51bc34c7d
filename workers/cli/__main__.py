"""`python -m workers.cli` is `airunway`."""

from workers.cli import main

if __name__ == "__main__":
    main()
