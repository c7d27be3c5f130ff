"""Everything about a project that can be known without data and without a JVM."""
