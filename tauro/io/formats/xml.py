"""XML: one row for each element of a name."""

from __future__ import annotations

from tauro.io.formats.files import COMMON_READER_OPTIONS, FileFormat, read_only_files


class Xml(FileFormat):
    """Spark's `xml`, for reading; `rowTag` names the element that is a row."""

    name = "xml"
    capabilities = read_only_files(needs_options=("rowTag",))
    reader_options = COMMON_READER_OPTIONS | {
        "arrayElementName",
        "attributePrefix",
        "charset",
        "columnNameOfCorruptRecord",
        "compression",
        "dateFormat",
        "encoding",
        "excludeAttribute",
        "ignoreNamespace",
        "ignoreSurroundingSpaces",
        "inferSchema",
        "locale",
        "mode",
        "multiLine",
        "nullValue",
        "preferDate",
        "prefersDecimal",
        "rootTag",
        "rowTag",
        "rowValidationXSDPath",
        "samplingRatio",
        "singleVariantColumn",
        "timeFormat",
        "timestampFormat",
        "timestampNTZFormat",
        "timeZone",
        "validateName",
        "valueTag",
        "wildcardColName",
    }


XML = Xml()
