# Turns the plain YAML of seeds into lines "path.to.key=value", list items numbered from 0. Understands nesting by
# indentation, "- item" and "- key: value", [a, b] and {k: v} on one line, quotes, comments, and | blocks, whose
# lines become list items. No anchors, no folding, no multi-line flow.
function trim(s) { sub(/^[ \t]+/, "", s); sub(/[ \t\r]+$/, "", s); return s }
function scalar(s,   c) {
  s = trim(s); c = substr(s, 1, 1)
  if ((c == "\"" || c == "'") && substr(s, length(s)) == c && length(s) > 1) return substr(s, 2, length(s) - 2)
  return s
}
function emit(path, s,   c, n, i, parts, k) {
  s = trim(s); c = substr(s, 1, 1)
  if (c == "[" && substr(s, length(s)) == "]") {
    n = split(substr(s, 2, length(s) - 2), parts, ",")
    for (i = 1; i <= n; i++) if (trim(parts[i]) != "") print path "." (i - 1) "=" scalar(parts[i])
  } else if (c == "{" && substr(s, length(s)) == "}") {
    n = split(substr(s, 2, length(s) - 2), parts, ",")
    for (i = 1; i <= n; i++) {
      k = index(parts[i], ":")
      if (k) print path "." scalar(substr(parts[i], 1, k - 1)) "=" scalar(substr(parts[i], k + 1))
    }
  } else print path "=" scalar(s)
}
function join_path(base, key) { return base == "" ? key : base "." key }
# Handles "key: value" or a bare item whose text starts at column `col`.
function entry(text, col,   k, key, rest) {
  while (depth > 0 && indent[depth] >= col) depth--
  if (match(text, /^("[^"]*"|'[^']*'|[^ "'\[{][^:]*):([ \t]|$)/)) {
    k = RLENGTH; if (substr(text, k, 1) != ":") k--
    key = scalar(substr(text, 1, k - 1)); rest = trim(substr(text, k + 1))
    depth++; indent[depth] = col; path[depth] = join_path(path[depth - 1], key); items[path[depth]] = 0
    if (rest ~ /^[|>][-+]?$/) { block = col; block_path = path[depth]; block_at = 0 }
    else if (rest != "") emit(path[depth], rest)
  } else emit(path[depth], text)
}
BEGIN { depth = 0; path[0] = ""; block = -1 }
{
  line = $0; sub(/\r$/, "", line)
  match(line, /^ */); col = RLENGTH; text = substr(line, col + 1)
  if (block >= 0) {
    if (text == "") next
    if (col > block) { print block_path "." block_at++ "=" text; next }
    block = -1
  }
  if (text == "" || text ~ /^#/ || text == "---") next
  sub(/[ \t]+#.*$/, "", text)
  while (text ~ /^- / || text == "-") {
    # An item belongs to the key above it, which may stand in the same column.
    while (depth > 0 && (indent[depth] > col || (indent[depth] == col && is_item[depth]))) depth--
    base = path[depth]
    depth++; indent[depth] = col; is_item[depth] = 1
    path[depth] = join_path(base, items[base]++)
    sub(/^-[ ]*/, "", text); col += 2
    if (text == "") next
  }
  is_item[depth + 1] = 0
  entry(text, col)
}
