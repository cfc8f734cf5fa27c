/**
 * What a call costs over RPC, and what starting virsh for it costs, on the same libvirtd.
 *
 *   node bench/rpc-vs-virsh.ts [libvirt URI]
 *
 * Without a URI it starts a private libvirtd with three small guests, which needs root.
 */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { type Connection, connect } from "../src/index.ts";
import { startPrivateLibvirtd, tinyGuestXml } from "../src/testing/index.ts";

const run = promisify(execFile);

export interface BenchRow {
  readonly name: string;
  readonly rpc: Timing;
  readonly virsh: Timing;
  /** How many times longer virsh takes, by the medians. */
  readonly ratio: number;
}

export interface Timing {
  readonly p50Ms: number;
  readonly p99Ms: number;
}

export interface BenchOptions {
  /** Calls measured over RPC. Default 500. */
  readonly rpcCalls?: number;
  /** Runs of virsh measured. Default 40. */
  readonly virshCalls?: number;
}

/** Measures against a running daemon, named by its URI or its socket; it should have a domain at least. */
export async function benchRpc(uriOrSocket: string, options: BenchOptions = {}): Promise<BenchRow[]> {
  const uri = uriOrSocket.startsWith("/") ? `qemu+unix:///system?socket=${uriOrSocket}` : uriOrSocket;
  await using connection = await connect(uri);
  const [domain] = await connection.domains();
  if (!domain) throw new Error(`${uri} has no domain to ask about.`);
  const cases: [name: string, call: (connection: Connection) => Promise<unknown>, virsh: string[]][] = [
    ["version", (one) => one.version(), ["version", "--daemon"]],
    ["list domains", (one) => one.domains(), ["list", "--all"]],
    ["domain XML", () => domain.xml(), ["dumpxml", domain.uuid]],
    ["statistics of all domains", (one) => one.domainStats(), ["domstats"]],
  ];
  const rows: BenchRow[] = [];
  for (const [name, call, command] of cases) {
    const rpc = await measure(options.rpcCalls ?? 500, () => call(connection));
    const virsh = await measure(options.virshCalls ?? 40, () => run("virsh", ["-q", "-c", uri, ...command]));
    rows.push({ name, rpc, virsh, ratio: virsh.p50Ms / rpc.p50Ms });
  }
  return rows;
}

async function measure(times: number, call: () => Promise<unknown>): Promise<Timing> {
  await call(); // what only the first pays for, such as compiling, is not of interest
  const samples: number[] = [];
  for (let index = 0; index < times; index++) {
    const start = performance.now();
    await call();
    samples.push(performance.now() - start);
  }
  samples.sort((a, b) => a - b);
  const at = (share: number) =>
    samples[Math.min(samples.length - 1, Math.floor(samples.length * share))] ?? 0;
  return { p50Ms: at(0.5), p99Ms: at(0.99) };
}

async function main(uri: string | undefined): Promise<void> {
  if (uri) {
    console.table(printable(await benchRpc(uri)));
    return;
  }
  await using libvirtd = await startPrivateLibvirtd();
  await using connection = await libvirtd.connect();
  for (const name of ["one", "two", "three"]) await connection.createDomain(tinyGuestXml(name));
  console.table(printable(await benchRpc(libvirtd.uri)));
}

function printable(rows: readonly BenchRow[]): Record<string, Record<string, string>> {
  return Object.fromEntries(
    rows.map(({ name, rpc, virsh, ratio }) => [
      name,
      { "RPC p50 / p99 ms": ms(rpc), "virsh p50 / p99 ms": ms(virsh), times: ratio.toFixed(0) },
    ]),
  );
}

function ms({ p50Ms, p99Ms }: Timing): string {
  return `${p50Ms.toFixed(2)} / ${p99Ms.toFixed(2)}`;
}

if (import.meta.main) await main(process.argv[2]);
