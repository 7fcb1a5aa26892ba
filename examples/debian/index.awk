# Turns the "Field: value" stanzas of apt's indexes into rows of COPY's text format: one row a
# stanza, one column for each name in the variable `fields`.

BEGIN {
    columns = split(fields, column, " ")
    for (i = 1; i <= columns; i++)
        wanted[column[i]] = 1
}

# A line that starts with a blank goes on with the field above it.
/^[ \t]/ {
    if (name in wanted) {
        sub(/^[ \t]+/, " ")
        stanza[name] = stanza[name] $0
    }
    next
}

/./ {
    colon = index($0, ":")
    name = substr($0, 1, colon - 1)
    if (name in wanted) {
        value = substr($0, colon + 1)
        sub(/^[ \t]+/, "", value)
        stanza[name] = value
    }
    next
}

{ write_row() }

END { write_row() }

function write_row(    row, i, value) {
    if (!("Package" in stanza))
        return
    for (i = 1; i <= columns; i++) {
        value = "\\N"
        if (column[i] in stanza) {
            value = stanza[column[i]]
            gsub(/\\/, "\\\\&", value)
            gsub(/\t/, " ", value)
        }
        row = row (i > 1 ? "\t" : "") value
    }
    print row
    split("", stanza)
}
