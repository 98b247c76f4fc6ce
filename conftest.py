"""Load the harness; each module of ``fixtures/`` says what it adds."""

# The plugins stand in the order of their imports: pytest rewrites the asserts of a plugin only when pytest is the first
# to import it.
pytest_plugins = [
    "fixtures.session.options",
    "fixtures.session.describe",
    "fixtures.report.hooks",
    "fixtures.session.workers",
    "fixtures.session.start",
    "fixtures.session.closing",
    "fixtures.session.progress",
    "fixtures.session.check",
    "fixtures.session.beside",
    "fixtures.session.outcomes",
    "fixtures.session.interruption",
]
