import { FLEET_DATASTORE_PATH } from "@sinter/agent-sim";
import type pg from "pg";
import type { Ready } from "./sim-hosts.ts";

/** Numbers that the manager will know the shared things by. */
export interface SharedIds {
  readonly cluster: number;
  readonly datastore: number;
  readonly network: number;
  readonly portGroup: number;
}

export async function takeIds(session: pg.Client): Promise<SharedIds> {
  const { rows } = await session.query<{ id: string }>(
    "select nextval('object_id_seq') as id from generate_series(1, 4)",
  );
  const [cluster = 0, datastore = 0, network = 0, portGroup = 0] = rows.map(({ id }) => Number(id));
  return { cluster, datastore, network, portGroup };
}

/**
 * Writes a site of that size straight into the manager's tables, as if it had grown there: enrolling and creating by
 * the API would take an hour and measure something else. It agrees with what the hosts say, so reconcilers find
 * nothing to mend.
 */
export async function writeFleet(session: pg.Client, ids: SharedIds, ready: Ready): Promise<void> {
  const { cluster, datastore, network, portGroup } = ids;
  await session.query("begin");
  await session.query("insert into clusters (id, name) values ($1, 'bench')", [cluster]);
  await session.query(
    `insert into hosts (id, uuid, cluster_id, name, address, port, report, certificate_not_after)
     select nextval('object_id_seq'), h.uuid, $1, 'host-' || h.n, '127.0.0.1', $2, h.report, now() + interval '90 days'
     from rows from (jsonb_to_recordset($3) as (uuid uuid, report jsonb)) with ordinality as h (uuid, report, n)`,
    [cluster, ready.port, JSON.stringify(ready.hosts)],
  );
  await session.query(
    `insert into datastores (id, name, kind, path, status, marker_id, capacity_bytes, free_bytes)
     values ($1, 'shared', 'shared', $2, 'normal', $3, 2::bigint ^ 50, 2::bigint ^ 50)`,
    [datastore, FLEET_DATASTORE_PATH, ready.markerId],
  );
  await session.query(
    "insert into datastore_hosts (datastore_id, host_id, state) select $1, id, 'connected' from hosts",
    [datastore],
  );
  await session.query("insert into switches (id, name, covers_all_hosts) values ($1, 'default', true)", [
    network,
  ]);
  await session.query(
    `insert into switch_hosts (switch_id, host_id, uplinks, applied_generation)
     select $1, id, '{eth1}', 1 from hosts`,
    [network],
  );
  await session.query(
    "insert into port_groups (id, switch_id, name, kind) values ($1, $2, 'VM Network', 'access')",
    [portGroup, network],
  );
  await writeVms(session, ids, ready);
  await session.query("commit");
  await session.query("analyze");
}

async function writeVms(session: pg.Client, ids: SharedIds, ready: Ready): Promise<void> {
  await session.query(
    `create temporary table fleet on commit drop as
     select nextval('object_id_seq') as id, nextval('object_id_seq') as volume_id, v.*
     from jsonb_to_recordset($1) as v (uuid uuid, name text, "hostUuid" uuid, "vncPassword" text, vcpus int,
       "memoryMiB" int, "diskUuid" uuid, "nicUuid" uuid, mac text)`,
    [JSON.stringify(ready.vms)],
  );
  await session.query(
    `insert into vms (id, uuid, name, cluster_id, host_id, state, cpu, memory, properties, os, vnc_password)
     select f.id, f.uuid, f.name, h.cluster_id, h.id, 'running',
       jsonb_build_object('count', f.vcpus, 'coresPerSocket', 1, 'shares', 2000, 'reservationMhz', 0, 'limitMhz', 0,
         'affinity', jsonb_build_array(), 'hotPlug', 0),
       jsonb_build_object('sizeMiB', f."memoryMiB", 'shares', f."memoryMiB" * 10, 'reservationMiB', 0, 'hotPlug', 0),
       '{"bootOption":"disk","firmware":"bios","onGuestCrash":"notprocess","isHaEnabled":true,
         "clockMode":"freeClock","keymap":7,"others":{}}'::jsonb,
       '{"type":"Linux","version":302,"guestOsName":""}'::jsonb, f."vncPassword"
     from fleet f join hosts h on h.uuid = f."hostUuid"`,
  );
  await session.query(
    `insert into nics (vm_id, index, uuid, name, mac, port_group_id, settings)
     select id, 0, "nicUuid", 'eth0', mac, $1, '{"model":"virtio","virtIo":1,"portId":""}'::jsonb from fleet`,
    [ids.portGroup],
  );
  await session.query(
    `insert into volumes (id, uuid, name, datastore_id, size_bytes, allocated_bytes, provisioning, format, status, io_limits)
     select volume_id, "diskUuid", name || '_1', $1, 40 * 2::bigint ^ 30, 4 * 2::bigint ^ 30, 'thin', 'qcow2', 'inUse',
       '{"readBytesPerSec":0,"writeBytesPerSec":0,"readIops":0,"writeIops":0}'::jsonb from fleet`,
    [ids.datastore],
  );
  await session.query(
    "insert into attachments (volume_id, vm_id, bus, slot) select volume_id, id, 'virtio', 1 from fleet",
  );
}
