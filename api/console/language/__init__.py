"""The reader's language: Chinese, as the pages are written, or English by a gettext catalogue.

In: Chinese texts, marked in code and taken from templates as they stand. Out: the same text, or its translation.
Always: a text has named places for its values; who has chosen nothing reads Chinese.
Does not own: data (names of companies, notes, quotes), which stays as it was written, and files, which are Chinese.
"""
