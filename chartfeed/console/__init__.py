"""The console: pages for reviewers and operators, over the same functions as the commands.

Read `visit` (what a page gets, and who may see it), `app` (how the areas become one application),
`access` and `session` (who somebody is), `live` (what is known of the centers now), then an area.

An area is a module with `routes(console) -> list[Route]`, named in `app.AREAS`:

* A page is a function from a `Visit` to a `Response`, under `@needs(VIEWER)`, `@needs(REVIEWER)`
  or `@needs(OPERATOR)`. It may block: it runs in a thread. A route whose page says nobody's role
  is refused at the start. A form's POST is let through only with its token, which
  `<form method="post">{{ token_field() }}` brings, and which htmx sends by itself.
* `visit.render("days.html", rows=…)` fills a template that extends `layout.html`;
  `visit.redirect("/days", "days.reconciled", day=…)` goes on with a GET, and says a sentence there.
  A `ChartfeedError` becomes a page with its message and its next step.
* Words live in `catalogue/AREA.json`: `{"days.title": {"en": "Days", "de": "Tage"}}`. A template
  says `{{ t("days.title") }}`; a key that ends in `.one` or `.other` is chosen by `n`:
  `{{ t("days.rows", n=3) }}`.
* `number`, `percent`, `day`, `moment`, `span` and `size` write for the reader's language, in
  templates as filters and in Python as `visit.language.…`.
* No inline script, no `style=`, no `hx-on`: the pages' policy forbids them. A bar is a
  `<progress>`, a chart is SVG with attributes, a script is a file in `static/`.
"""
