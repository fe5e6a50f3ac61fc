"""What models take on a real GPU: random weights built from published configs, read by driver and allocator.

`plan` says what is run, `case` runs one of it in a process of its own, `reader` reads, `record` keeps the rows in
``tests/truth/measured_gpu.json``. Nothing is downloaded. How to run it stands in ``docs/measuring.md``.
"""
