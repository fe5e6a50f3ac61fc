"""Mutation testing of the core: a small change of the source that no test sees is a promise that no test holds.

`make mutants ROOMS="fit answers" COUNT=60 SEED=1` draws so many changes of each room, and runs of each only the tests
that cover the changed line, quickest first, until one fails.

Why not a library. cosmic-ray runs one command for every mutant, here the whole suite, minutes each; to select tests by
coverage is an open request of 2015 (sixty-north/cosmic-ray issue 85). mutmut 3 does select by coverage, but keeps all
mutants of a file in that one file and switches between them by an environment variable: the tables of a checkout,
which are made again when a source file changes, would stay those of the unchanged code, and what only tables show
would never be seen. Neither draws a sample by a seed that another person can draw again.
"""
