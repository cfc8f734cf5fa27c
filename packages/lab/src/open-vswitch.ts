import { mkdir } from "node:fs/promises";
import { type Box, exists, runInBox, type Spawned, spawnInBox, untilItAnswers } from "./namespace-box.ts";

const DATABASE = "/etc/openvswitch/conf.db";
const SCHEMA = "/usr/share/openvswitch/vswitch.ovsschema";
const SOCKET = "/run/openvswitch/db.sock";

/**
 * Starts a box's switch database at the places where Open vSwitch's own tools look for it, and waits until it answers.
 * `systemId` is set when the database is new.
 */
export async function startOvsdb(box: Box, systemId: string, logFile: string): Promise<Spawned> {
  const root = `/proc/${box.init.pid}/root`;
  await mkdir(`${root}/run/openvswitch`, { recursive: true });
  await mkdir(`${root}/var/log/openvswitch`, { recursive: true });
  await mkdir(`${root}/etc/openvswitch`, { recursive: true });
  if (!(await exists(`${root}${DATABASE}`))) {
    await runInBox(box, "ovsdb-tool", ["create", DATABASE, SCHEMA]);
  }
  const remotes = [`--remote=punix:${SOCKET}`, "--remote=db:Open_vSwitch,Open_vSwitch,manager_options"];
  const started = await spawnInBox(box, "ovsdb-server", [DATABASE, ...remotes, "--pidfile"], { logFile });
  await untilItAnswers(started, "ovsdb-server", logFile, () => exists(`${root}${SOCKET}`));
  const settings = [
    `external_ids:system-id=${systemId}`,
    `external_ids:hostname=${box.names.hostName}`,
    // Without it the userspace datapath forwards a guest's unfinished TCP checksums as they are, and TCP never
    // connects. Every hop must agree, so the lab sets it on hosts and switch alike.
    "other_config:userspace-tso-enable=true",
  ];
  await runInBox(box, "ovs-vsctl", ["--timeout=15", "--no-wait", "set", "Open_vSwitch", ".", ...settings]);
  return started;
}

/** Starts the switch itself and waits until it has taken up what the database says. */
export async function startVswitchd(box: Box, logFile: string): Promise<Spawned> {
  const started = await spawnInBox(box, "ovs-vswitchd", [`unix:${SOCKET}`, "--pidfile"], { logFile });
  // Without --no-wait, ovs-vsctl comes back when vswitchd has seen its change.
  await runInBox(box, "ovs-vsctl", ["--timeout=30", "init"]);
  return started;
}
