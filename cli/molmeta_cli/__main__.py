"""`python -m molmeta_cli`, for torchrun."""

from molmeta_cli.main import main

if __name__ == "__main__":
    main()
