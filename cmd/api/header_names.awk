# Prints the names that headers of C declare at their outermost level. Its input is preprocessed C or C++ with line
# markers; only headers of the system count, and of those no header of the C++ library, whose names are in std.
#
# A name counts outside of all brackets, as an enumerator in the braces of an enum, and as the pointer in (*NAME)(...).

/^# [0-9]+ "/ {
  counts = / 3( 4)?$/ && !/\/c\+\+\//
  next
}
!counts || /^#/ { next }

{
  gsub(/\\./, "")
  gsub(/"[^"]*"/, "\"")
  gsub(/\047[^\047]*\047/, "0")
  for (rest = $0; match(rest, /[A-Za-z_][A-Za-z0-9_]*|[0-9][A-Za-z0-9_.]*|[^ \t]/);) {
    token = substr(rest, RSTART, RLENGTH)
    rest = substr(rest, RSTART + RLENGTH)
    if (token == "{" && last == "\"") {
      # The braces of extern "C" are no level; nor is their end.
    } else if (index("([{", token)) {
      level[++depth] = token == "{" && is_enum ? "enum" : token
      is_enum = 0
    } else if (index(")]}", token)) {
      if (depth > 0) --depth
    } else if (token == "enum") {
      is_enum = 1
    } else if (token == ";") {
      is_enum = 0
    } else if (token ~ /^[A-Za-z]/) {
      enumerator = depth > 0 && level[depth] == "enum" && (last == "{" || last == ",")
      pointer = depth == 1 && before == "(" && last == "*"
      if (depth == 0 || enumerator || pointer) print token
    }
    before = last
    last = token
  }
}
