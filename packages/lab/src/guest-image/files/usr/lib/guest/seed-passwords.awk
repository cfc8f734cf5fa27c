# From a flat #cloud-config to USER:PASSWORD lines.
{ eq = index($0, "="); key = substr($0, 1, eq - 1); value = substr($0, eq + 1) }
key == "password" { print "root:" value }
key ~ /^chpasswd\.list\.[0-9]+$/ { print value }
key ~ /^chpasswd\.users\.[0-9]+\.(name|password)$/ {
  split(key, part, ".")
  if (part[4] == "name") name[part[3]] = value
  else password[part[3]] = value
}
END { for (i in name) if (i in password) print name[i] ":" password[i] }
