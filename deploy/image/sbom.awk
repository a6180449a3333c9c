# Turns paragraphs of dpkg's status (stdin) into a bill of materials, CycloneDX 1.5: awk -v name=IMAGE -v epoch=SECONDS.
BEGIN {
  RS = ""
  FS = "\n"
  when = time_of(epoch)
  printf "{\"bomFormat\":\"CycloneDX\",\"specVersion\":\"1.5\",\"version\":1,"
  printf "\"metadata\":{\"timestamp\":\"%s\",\"component\":{\"type\":\"container\",\"name\":%s,\"bom-ref\":%s}},", when, \
    quoted(name), quoted(name)
  printf "\"components\":["
}
{
  split("", field)
  for (i = 1; i <= NF; ++i) {
    if (match($i, /^[A-Za-z-]+: /)) field[substr($i, 1, RLENGTH - 2)] = substr($i, RLENGTH + 1)
  }
  purl = "pkg:deb/debian/" encoded(field["Package"]) "@" encoded(field["Version"]) "?arch=" field["Architecture"] "&distro=debian-12"
  printf "%s{\"type\":\"library\",\"bom-ref\":%s,\"supplier\":{\"name\":%s},\"name\":%s,\"version\":%s,\"purl\":%s}", comma, \
    quoted(purl), quoted(supplier(field["Maintainer"])), quoted(field["Package"]), quoted(field["Version"]), quoted(purl)
  comma = ","
}
END { print "]}" }

function supplier(maintainer) { sub(/ *<[^>]*>$/, "", maintainer); return maintainer }

function quoted(text) { gsub(/[\\"]/, "\\\\&", text); return "\"" text "\"" }

# Of a package URL: versions have '+', ':' and '~'.
function encoded(text) { gsub(/\+/, "%2B", text); gsub(/:/, "%3A", text); gsub(/~/, "~", text); return text }

# Civil date of seconds since 1970, in UTC; mawk has no strftime that takes them everywhere.
function time_of(seconds,    days, z, era, doe, yoe, doy, mp, d, m, y, rest) {
  days = int(seconds / 86400)
  rest = seconds - days * 86400
  z = days + 719468
  era = int(z / 146097)
  doe = z - era * 146097
  yoe = int((doe - int(doe / 1460) + int(doe / 36524) - int(doe / 146096)) / 365)
  doy = doe - (365 * yoe + int(yoe / 4) - int(yoe / 100))
  mp = int((5 * doy + 2) / 153)
  d = doy - int((153 * mp + 2) / 5) + 1
  m = mp < 10 ? mp + 3 : mp - 9
  y = yoe + era * 400 + (m <= 2 ? 1 : 0)
  return sprintf("%04d-%02d-%02dT%02d:%02d:%02dZ", y, m, d, int(rest / 3600), int(rest % 3600 / 60), rest % 60)
}
