"""What the server costs, each figure beside its reference; `make bench`, README.md."""
