"""
What proxies ask before they let a request through (contract, section 2).
"""
