# From a flat network-config (version 2) to one script per MAC address in /run/seed-network; $1 there is the interface.
function shell(s) { gsub(/'/, "", s); return "'" s "'" }
BEGIN { system("mkdir -p /run/seed-network") }
/^(network\.)?ethernets\./ {
  sub(/^network\./, "")
  eq = index($0, "="); key = substr($0, 1, eq - 1); value = substr($0, eq + 1)
  n = split(key, part, "."); id = part[2]; what = part[3]
  if (what == "match" && part[4] == "macaddress") mac[id] = tolower(value)
  if (what == "addresses") lines[id] = lines[id] "ip addr replace " shell(value) " dev \"$1\"\n"
  if (what == "gateway4") lines[id] = lines[id] "ip route replace default via " shell(value) " dev \"$1\"\n"
  if (what == "routes" && part[5] == "to") to[id, part[4]] = value
  if (what == "routes" && part[5] == "via") via[id, part[4]] = value
  if (what == "nameservers" && part[4] == "addresses")
    lines[id] = lines[id] "echo nameserver " shell(value) " >>/run/resolv.conf\n"
  if (what == "dhcp4" && value ~ /^(true|yes)$/) lines[id] = lines[id] "# dhcp4\n"
}
END {
  for (pair in via) {
    split(pair, k, SUBSEP)
    lines[k[1]] = lines[k[1]] "ip route replace " shell(to[pair]) " via " shell(via[pair]) " dev \"$1\"\n"
  }
  for (id in mac) printf "%s", lines[id] > ("/run/seed-network/" mac[id])
}
