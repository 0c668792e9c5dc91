"""Tests of tests: generated layers are changed in many small ways, and their tests are to find each change.

Nothing here knows what a spec is: it works on what is generated.
"""
