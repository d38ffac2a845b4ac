"""
Decision records: what each answered evaluation leaves behind (contract, section 5).
"""
