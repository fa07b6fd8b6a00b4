"""Pictures that the server draws as SVG: bars, a waterfall, a small map, a group; a table stands beside each.

In: names and whole numbers. Out: markup without script or style in attributes; colours come from the style sheet.
Always: every text is escaped, and nothing is said by colour alone.
Does not own: which numbers are shown (the pages do).
"""
