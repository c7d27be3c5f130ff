"""What is settled before Spark starts: a Java, the jars, the settings; standard library only, and no JVM."""
