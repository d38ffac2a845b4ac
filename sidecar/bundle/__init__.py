"""
How policy ships: OPA's binary, a bundle's manifest, and the build of a bundle.
"""
