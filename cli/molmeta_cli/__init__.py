"""The program `molmeta`: one module a verb, each parses, calls the library and writes."""
