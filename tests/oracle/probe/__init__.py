"""Families derived by machine: classes are built on the meta device under many configs, and what they hold explained.

`samples` makes the configs, `solve` finds expressions of keys for the numbers that are seen, `derive` does so for every
tensor of a class, `__main__` proves the result on configs that it was not made from and writes `data/probed/`.
"""
