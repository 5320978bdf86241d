"""One generated practice: what it is called, how its database looks, and what is in it.

Read `request` (what is asked for), `naming` (families of names), `layout` (the five tables) and
`decoys` (the others), `blueprint` (all of it for one center); then `content` with `people`,
`insurers`, `texts`, `billing` and `baseline`; then `statements` and `loading`.
"""
