"""A database engine as some drivers are: a connection that is broken cannot even be closed."""
