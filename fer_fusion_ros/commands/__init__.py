"""The command line: one verb per file, each with `add_arguments(parser)` and `main(args)`."""
