"""The class data archive: which one fits a JVM, where it is kept, and how it is made."""
