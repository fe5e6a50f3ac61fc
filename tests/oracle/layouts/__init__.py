"""What real libraries store of a linear layer and of a small model, byte by byte: ``make layouts``.

`layers` and `models` say what each library is asked and ask it, `record` holds the rows that tests compare our formats
and quants with.
"""
