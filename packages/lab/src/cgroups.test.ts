import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseHierarchies } from "./cgroups.ts";

const MOUNT = "31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755";

describe("cgroups of a machine", () => {
  const machines: [string, string[], [1 | 2, string, string][]][] = [
    ["none", [MOUNT], []],
    [
      "version 2",
      ["29 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate,memory_recursiveprot"],
      [[2, "/sys/fs/cgroup", ""]],
    ],
    [
      "version 1, two controllers in one hierarchy, one with a name, and an empty version 2 beside",
      [
        MOUNT,
        "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw shared:9 - cgroup cgroup rw,cpu,cpuacct",
        "33 31 0:30 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd",
        "34 31 0:31 / /sys/fs/cgroup/net_cls rw - cgroup cgroup rw,net_cls",
        "41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw",
      ],
      [
        [1, "/sys/fs/cgroup/cpu,cpuacct", "cpu,cpuacct"],
        [1, "/sys/fs/cgroup/systemd", "none,name=systemd"],
      ],
    ],
    [
      "a hierarchy that is mounted twice in one place",
      [
        "32 31 0:29 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids",
        "33 32 0:29 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids",
      ],
      [[1, "/sys/fs/cgroup/pids", "pids"]],
    ],
  ];
  for (const [what, lines, expected] of machines) {
    it(`finds ${what}`, () => {
      const found = parseHierarchies(`${lines.join("\n")}\n`);
      assert.deepEqual(
        found.map((h) => [h.version, h.mountPoint, h.options]),
        expected,
      );
    });
  }
});
