"""
A small billing service that asks the sidecar before it touches what it knows about a company.
"""
