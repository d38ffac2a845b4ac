"""
All that talks to OPA: client, transport, what a bundle says of itself, decisions, OPA's process.
"""
