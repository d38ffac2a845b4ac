"""
Who may ask: callers are known by a token or a certificate, and let in or not.
"""
