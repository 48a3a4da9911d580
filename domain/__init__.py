"""The rules, in pure Python: one package per feature, none of which knows another."""
