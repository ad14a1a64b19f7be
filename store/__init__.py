"""What the system keeps and how to reach it: one database, one place for pictures and bundles.

The only package that speaks SQL. It imports none of the others.
"""
