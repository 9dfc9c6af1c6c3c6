"""The rule book: the contract as one page that a person reads, searches and prints."""
