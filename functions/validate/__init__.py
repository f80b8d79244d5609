"""Validate upload: is it the file that was announced, and is it audio that we take?"""
