"""
How bundles arrive: fetched by OPA, looked at, put to work, and kept for the next start.
"""
