"""
What an edit of the policies does, seen as soon as it is saved.
"""
