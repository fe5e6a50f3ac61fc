"""What Python programs call: the answers of the command line as functions, and as objects that show themselves."""
