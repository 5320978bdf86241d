"""T-SQL read: text into tokens, tokens into trees.

Read `lexer` (tokens), `syntax` and `statements` (the trees), then the parsers, each of which builds
on the one before: `cursor`, `expressions`, `queries`, `dml` (writes), `tables`, `databases`,
`backups`, `settings`, `transactions`, `batch`. `precedence` has the types' rules.
"""
