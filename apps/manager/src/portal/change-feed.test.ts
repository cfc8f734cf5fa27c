import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { test } from "node:test";
import { silentLog, waitFor } from "@sinter/kit";
import pg from "pg";
import { managerDatabase } from "../testing/test-app.ts";
import { type Change, ChangeListener } from "./change-listener.ts";

/** A database with whoever hears of its changes. */
async function openFeed() {
  const own = await managerDatabase();
  const heard: Change[] = [];
  let lost = 0;
  const listener = new ChangeListener({
    url: own.url,
    log: silentLog,
    onChange: (change) => heard.push(change),
    onLost: () => lost++,
    probeEveryMs: 200,
  });
  await listener.start();
  const { pool } = own.database;
  return {
    ...own,
    pool,
    lost: () => lost,
    /** What the statements announce, up to a mark that is announced after them. */
    announced: async (...statements: string[]): Promise<Change[]> => {
      for (const statement of statements) await pool.query(statement);
      await pool.query(`select pg_notify('sinter_changes', '{"kind":"mark","ids":null}')`);
      await waitFor("The mark", () => heard.find((change) => change.kind === "mark"), { timeoutMs: 5_000 });
      const until = heard.findIndex((change) => change.kind === "mark");
      return heard.splice(0, until + 1).slice(0, -1);
    },
    [Symbol.asyncDispose]: async () => {
      await listener[Symbol.asyncDispose]();
      await own[Symbol.asyncDispose]();
    },
  };
}

const insertVms = (from: number, to: number): string =>
  `insert into vms (id, uuid, name, state, cpu, memory, properties, os, vnc_password)
   select n, gen_random_uuid(), 'vm-' || n, 'stopped', '{"count": 2}', '{"sizeMiB": 1024}', '{}', '{"type": "linux"}', 'x'
   from generate_series(${from}, ${to}) n`;

test("whoever changes what a page shows announces it, by ids, once for a statement", async () => {
  await using feed = await openFeed();
  assert.deepEqual(await feed.announced(insertVms(1, 3)), [{ kind: "vms", ids: ["1", "2", "3"] }]);
  assert.deepEqual(await feed.announced("update vms set state = 'running' where id = 2"), [
    { kind: "vms", ids: ["2"] },
  ]);
  assert.deepEqual(await feed.announced("delete from vms where id = 3"), [{ kind: "vms", ids: ["3"] }]);
  assert.deepEqual(
    await feed.announced(
      "begin; update vms set name = 'a' where id = 1; update vms set name = 'b' where id = 1; commit",
    ),
    [{ kind: "vms", ids: ["1"] }],
    "equal ones of a transaction are one",
  );
  assert.deepEqual(await feed.announced("begin; update vms set name = 'c' where id = 1; rollback"), []);
});

test("a statement that changes nothing visible announces nothing", async () => {
  await using feed = await openFeed();
  await feed.announced(
    insertVms(1, 500),
    `insert into datastores (id, name, kind, path, status) values (1, 'd', 'directory', '/d', 'normal')`,
  );
  assert.deepEqual(
    await feed.announced(
      "update vms set observed_at = now(), generation = generation + 1",
      "update vms set state = state, cpu = cpu",
      "update vms set name = 'x' where id = 0",
      "delete from vms where id = 0",
      "update datastores set free_bytes = 17, refreshed_at = now()",
    ),
    [],
  );
  // Only the one that differs of those that were written.
  assert.deepEqual(
    await feed.announced(
      "update vms set observed_at = now(), cpu = case id when 7 then '{}'::jsonb else cpu end",
    ),
    [{ kind: "vms", ids: ["7"] }],
  );
});

test("more than a hundred objects are announced as many", async () => {
  await using feed = await openFeed();
  assert.deepEqual(await feed.announced(insertVms(1, 101)), [{ kind: "vms", ids: null }]);
  const [hundred] = await feed.announced("update vms set state = 'running' where id <= 100");
  assert.equal(hundred?.ids?.length, 100);
  assert.deepEqual(await feed.announced("update vms set state = 'paused'"), [{ kind: "vms", ids: null }]);
  await feed.announced(insertVms(102, 2000));
  assert.deepEqual(
    await feed.announced("update vms set observed_at = now()"),
    [{ kind: "vms", ids: null }],
    "so many are not compared",
  );
});

test("every kind is announced: by its own table and by those that belong to it", async () => {
  await using feed = await openFeed();
  const kinds = async (...statements: string[]): Promise<string[]> =>
    (await feed.announced(...statements)).map(({ kind, ids }) => `${kind} ${ids?.join(",") ?? "*"}`);
  assert.deepEqual(
    await kinds(
      "insert into clusters (id, name) values (1, 'c')",
      `insert into hosts (id, uuid, name, address, port, report, certificate_not_after)
       values (2, gen_random_uuid(), 'h', '::1', 1, '{}', now())`,
      "insert into switches (id, name) values (3, 's')",
      "insert into switch_hosts (switch_id, host_id, uplinks) values (3, 2, '{}')",
      "insert into port_groups (id, switch_id, name, kind) values (4, 3, 'p', 'vlan')",
      "insert into datastores (id, name, kind, path, status) values (5, 'd', 'directory', '/d', 'normal')",
      "insert into datastore_hosts (datastore_id, host_id, state) values (5, 2, 'normal')",
      `insert into volumes (id, uuid, name, datastore_id, size_bytes, provisioning, format, status, io_limits)
       values (6, gen_random_uuid(), 'v', 5, 1, 'thin', 'qcow2', 'ready', '{}')`,
      insertVms(7, 7),
      "insert into attachments (volume_id, vm_id, bus, slot) values (6, 7, 'virtio', 1)",
      `insert into nics (vm_id, index, uuid, name, mac, port_group_id, settings)
       values (7, 0, gen_random_uuid(), 'n', '00', 4, '{}')`,
      `insert into task_tasks (id, type, title, state, entity_urn, entity_name, user_name, attributes, input,
         is_cancellable, no_return, created_at)
       values (8, 't', '', 'waiting', '', '', '', '{}', '{}', true, false, now())`,
      "insert into roles (name, rights) values ('r', '{}')",
      "insert into sites (id, name) values ('1', 's')",
      "insert into users (id, name, name_key, password_hash, roles) values (gen_random_uuid(), 'u', 'u', '', '{}')",
    ),
    [
      "clusters 1",
      "hosts 2",
      "switches 3",
      "switches 3",
      "portGroups 3:4",
      "datastores 5",
      "datastores 5",
      "volumes 6",
      "vms 7",
      "vms 7",
      "vms 7",
      "tasks 8",
      "roles *",
      "sites *",
      "users *",
    ],
  );
  assert.deepEqual(
    await kinds(
      "update hosts set last_seen_at = now()",
      "update datastore_hosts set observed_at = now()",
      "update volumes set allocated_bytes = 5",
      "update task_tasks set epoch = 3",
      "update users set failed_logins = 3",
      "update users set name = name",
    ),
    [],
    "heartbeats and statistics",
  );
  assert.deepEqual(
    await kinds(
      "update hosts set status = 'fault'",
      "update task_tasks set progress = 5",
      "update users set status = 'locked'",
      "update nics set mac = '01'",
      "delete from nics",
    ),
    ["hosts 2", "tasks 8", "users *", "vms 7", "vms 7"],
  );
});

/** What no page shows, by table: keys, secrets, statistics, heartbeats and the manager's own bookkeeping. */
const UNSEEN: Readonly<Record<string, readonly string[]>> = {
  vms: [
    "uuid",
    "external_uuid",
    "is_link_clone",
    "vnc_password",
    "generation",
    "vnc",
    "observed_at",
    "created_at",
  ],
  nics: ["uuid"],
  hosts: ["uuid", "port", "certificate_not_after", "last_seen_at", "status_since", "joined_at"],
  clusters: ["created_at"],
  datastores: ["marker_id", "free_bytes", "refreshed_at", "created_at"],
  datastore_hosts: ["observed_at"],
  // A snapshot that changes where the VM writes is told of itself.
  volumes: ["uuid", "allocated_bytes", "active_file", "base_volume_id", "created_at"],
  switches: ["generation", "created_at"],
  port_groups: ["created_by", "created_at"],
  // Those up to the input never change, those after it change together with the state.
  task_tasks: [
    "type",
    "title",
    "entity_urn",
    "entity_name",
    "user_name",
    "attributes",
    "input",
    "cancelled_by",
    "stuck_in",
    "created_at",
    "started_at",
    "finished_at",
    "epoch",
  ],
  sites: ["created_at"],
  users: [
    "name_key",
    "type",
    "password_hash",
    "password_changed_at",
    "failed_logins",
    "is_built_in",
    "created_at",
  ],
  roles: ["is_built_in", "created_at"],
};

test("every column of an announced table is compared, or named here as one that no page shows", async () => {
  await using own = await managerDatabase();
  const { rows } = await own.database.pool.query<{ table: string; column: string; source: string }>(
    `select c.relname as table, a.attname as column, p.prosrc as source
     from pg_trigger t
       join pg_class c on c.oid = t.tgrelid
       join pg_proc p on p.oid = t.tgfoid
       join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
     where not t.tgisinternal and t.tgname like 'announce\\_%\\_update'
     order by 1, a.attnum`,
  );
  assert.ok(new Set(rows.map(({ table }) => table)).size >= 15);
  const wrong: string[] = [];
  for (const { table, column, source } of rows) {
    const [, compared] = /SELECT ((?:(?!SELECT)[^;])*?)\s+FROM fresh\s+EXCEPT SELECT/.exec(source) ?? [];
    // A table whose every update is announced compares nothing.
    if (compared === undefined) continue;
    const isCompared = compared.split(/,\s*/).includes(column);
    const isUnseen = (UNSEEN[table] ?? []).includes(column);
    if (isCompared === isUnseen && column !== "id") wrong.push(`${table}.${column}`);
  }
  assert.deepEqual(wrong, []);
});

test("after a lost connection everybody is told to look at everything, and changes are heard again", async () => {
  await using feed = await openFeed();
  await feed.announced(insertVms(1, 1));
  assert.equal(feed.lost(), 0, "nobody was there before the first connection");
  const killed = await feed.pool.query(
    `select pg_terminate_backend(pid) from pg_stat_activity
     where application_name = 'sinter-changes' and datname = current_database()`,
  );
  assert.equal(killed.rowCount, 1);
  await waitFor("A new connection", () => (feed.lost() === 1 ? true : undefined), { timeoutMs: 5_000 });
  assert.deepEqual(await feed.announced("update vms set name = 'new'"), [{ kind: "vms", ids: ["1"] }]);
  // Nonsense on the channel is nobody's end.
  await feed.pool.query(`select pg_notify('sinter_changes', 'nonsense')`);
  assert.deepEqual(await feed.announced("update vms set name = 'newer'"), [{ kind: "vms", ids: ["1"] }]);
});

test("a connection that dies without a word is given up and made anew", async () => {
  await using own = await managerDatabase();
  // A host is only in the query, which makes it no URL to Node.
  const { searchParams, pathname, username } = new URL(own.url.replace("@/", "@socket/"));
  const target = { path: `${searchParams.get("host")}/.s.PGSQL.${searchParams.get("port") ?? 5432}` };
  const pairs: Socket[][] = [];
  // Between the two: a network that forgets a connection instead of closing it.
  const between = createServer((socket) => {
    const server = connect(target);
    for (const side of [socket, server]) side.on("error", () => {});
    socket.pipe(server).pipe(socket);
    pairs.push([socket, server]);
  });
  between.listen(0, "127.0.0.1");
  await once(between, "listening");
  const { port } = between.address() as AddressInfo;
  const again = Promise.withResolvers<void>();
  const heard = Promise.withResolvers<Change>();
  const listener = new ChangeListener({
    url: `postgresql://${username}@127.0.0.1:${port}${pathname}`,
    log: silentLog,
    onChange: heard.resolve,
    onLost: again.resolve,
    probeEveryMs: 100,
    answerMs: 400,
  });
  try {
    await listener.start();
    for (const side of pairs.flat()) side.pause().unpipe();
    await again.promise;
    await own.database.pool.query(insertVms(1, 1));
    assert.deepEqual(await heard.promise, { kind: "vms", ids: ["1"] });
  } finally {
    for (const side of pairs.flat()) side.destroy();
    await listener[Symbol.asyncDispose]();
    between.close();
  }
});

test("a listener without a database starts, tries again and can be closed", async () => {
  const nowhere = new pg.Client().port; // the default port, where the socket below is not
  const listener = new ChangeListener({
    url: `postgresql://x@localhost:${nowhere}/x?host=/nonexistent`,
    log: silentLog,
    onChange: () => assert.fail("nothing can be heard"),
    onLost: () => assert.fail("nothing was heard"),
  });
  await listener.start();
  await listener[Symbol.asyncDispose]();
});
