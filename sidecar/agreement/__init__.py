"""
An agreement's text: split into its sections, and compared with what was last reviewed.

Works on any numbered text. What the sections mean, and which clauses stand in them, is said by the
registry in the bundle's data.
"""
