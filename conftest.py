"""Load the harness; each module of ``fixtures/`` says what it adds."""

# In the order of their imports: pytest rewrites the asserts of a plugin only when it is the first to import it.
pytest_plugins = [
    "fixtures.options",
    "fixtures.products",
    "fixtures.report",
    "fixtures.report_history",
    "fixtures.run",
    "fixtures.progress",
    "fixtures.outcomes",
    "fixtures.check",
    "fixtures.describe",
]
