"""Load the harness; each module of ``fixtures/`` says what it adds."""

# In the order of their imports: pytest rewrites the asserts of a plugin only when it is the first to import it.
pytest_plugins = [
    "fixtures.session.options",
    "fixtures.session.products",
    "fixtures.report.hooks",
    "fixtures.report.trend",
    "fixtures.session.run",
    "fixtures.session.progress",
    "fixtures.session.check",
    "fixtures.session.outcomes",
    "fixtures.session.describe",
]
