#!/bin/sh
# Moves itself into the cgroups named before "--", then becomes the program named after it. A process's children
# inherit its cgroups, so this has to happen before the program can fork; moving it from outside comes too late.
while [ "$1" != -- ]; do
  echo $$ >"$1/cgroup.procs" || exit 125
  shift
done
shift
exec "$@"
