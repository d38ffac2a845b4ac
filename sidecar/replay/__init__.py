"""
What a change of the policy would have decided otherwise.
"""
