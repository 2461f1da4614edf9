"""`python -m infirmary`: the command `infirmary` where it is not installed."""

from infirmary.command import main

if __name__ == "__main__":
    main()
