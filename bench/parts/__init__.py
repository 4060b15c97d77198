"""The parts of `make bench`. Each measures one thing: measure(run) -> what goes into the file, table(part) -> Markdown."""
