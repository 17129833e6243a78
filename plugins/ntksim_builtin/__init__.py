"""What ships with ntksim, offered through the same hooks as any other plugin.

Read it as an example: one class a file, one folder a kind, and this page of hooks.
"""
