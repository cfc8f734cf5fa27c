import { setTimeout as pause } from "node:timers/promises";
import { guestReady, runInGuest } from "../../e2e/guest-shell.ts";
import type { Scene } from "../../e2e/scene.ts";
import { watchTask } from "./create-vm.ts";
import { type BenchContext, type Figure, median, timed } from "./figure.ts";

const ROUNDS = 5;
/** So long the guest writes before and after the moment of interest. */
const MARGIN_MS = 1_500;

/**
 * What a guest notices of a snapshot: the longest time between two writes, each flushed to its disk, as the guest's own
 * clock tells it (in steps of 10 ms). Beside it the same guest left alone, and virsh doing the same by hand.
 */
export async function benchSnapshots(scene: Scene, { say, signal }: BenchContext): Promise<Figure[]> {
  const { client, stand } = scene;
  say("taking snapshots under a guest that writes");
  const uri = await scene.create(scene.guest("bench-writer"));
  await guestReady(scene, uri);
  const host = await scene.hostOf(uri);
  const domain = uri.split("/").at(-1) ?? "";

  /** Longest gap between writes, in ms, while something is done. */
  const gapDuring = async (work: () => Promise<unknown>): Promise<number> => {
    signal.throwIfAborted();
    const write = "echo x | dd of=/root/w conv=fsync 2>/dev/null; cat /proc/uptime >> /run/log";
    await runInGuest(
      scene,
      uri,
      `rm -f /run/log; touch /run/go; (while [ -e /run/go ]; do ${write}; done) >/dev/null 2>&1 &`,
    );
    await pause(MARGIN_MS);
    await work();
    await pause(MARGIN_MS);
    const log = await runInGuest(scene, uri, "rm /run/go; sleep 1; cut -d' ' -f1 /run/log");
    const times = log.split("\n").map(Number);
    return Math.max(...times.slice(1).map((time, index) => (time - (times[index] ?? time)) * 1000));
  };

  const take = async (how: object): Promise<void> => {
    const { uri: made, taskUri } = await client.snapshots.take(uri, { name: "bench", ...how });
    await watchTask(client, taskUri);
    await watchTask(client, (await client.snapshots.remove(made ?? "")).taskUri);
  };
  /** By hand, and merged back as the API's is. */
  const byHand = async (): Promise<void> => {
    const virsh = (...words: string[]) => stand.lab.exec(host, "virsh", ["-q", ...words]);
    await virsh("snapshot-create-as", domain, "--disk-only", "--no-metadata", "--atomic");
    await virsh("blockcommit", domain, "vda", "--active", "--pivot", "--wait");
  };

  const gaps = new Map<string, number[]>();
  const measure = async (name: string, work: () => Promise<unknown>): Promise<void> => {
    gaps.set(name, [...(gaps.get(name) ?? []), await gapDuring(work)]);
  };
  for (let round = 0; round < ROUNDS; round++) {
    await measure("left alone", () => pause(500));
    await measure("disks", () => take({}));
    await measure("by hand", byHand);
    await measure("consistent", () => take({ isConsistent: true }));
    await measure("memory", () => take({ needMemoryShot: true }));
  }
  const of = (name: string): number => median(gaps.get(name) ?? []);
  await scene.remove(uri);
  const alone = `left alone ${of("left alone").toFixed(0)} ms; median of ${ROUNDS} longest gaps, taking and deleting`;
  const raw = { tool: "virsh snapshot + blockcommit", value: of("by hand") };
  return [
    { name: "snapshot, pause of a writer", unit: "ms", value: of("disks"), raw, note: alone },
    { name: "consistent snapshot, pause", unit: "ms", value: of("consistent"), note: alone },
    { name: "snapshot with memory, pause", unit: "ms", value: of("memory"), note: alone },
    ...(await benchLinkedClone(scene, signal)),
  ];
}

async function benchLinkedClone(scene: Scene, signal: AbortSignal): Promise<Figure[]> {
  const { client, stand } = scene;
  const base = await scene.create({ ...scene.guest("bench-base"), autoBoot: false });
  const disk = (await client.vms.get(base)).vmConfig?.disks?.[0];
  const { uuid } = await client.volumes.get(disk?.volumeUrn ?? "");
  const [host] = stand.lab.hosts;
  if (!host) throw new Error("Broken assumption: the stand has a host.");
  const file = `/var/lib/sinter/datastores/shared/volumes/${uuid}/${uuid}.qcow2`;
  const linked: number[] = [];
  const full: number[] = [];
  const byHand: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    for (const isLinkClone of [true, false]) {
      signal.throwIfAborted();
      let made = "";
      const ms = await timed(async () => {
        const answer = await client.vms.clone(base, { name: `clone-${round}`, isLinkClone, autoBoot: false });
        made = answer.uri ?? "";
        await watchTask(client, answer.taskUri);
      });
      (isLinkClone ? linked : full).push(ms);
      await scene.remove(made);
    }
    const words = ["create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", file, "/tmp/bench-linked.qcow2"];
    byHand.push(await timed(() => stand.lab.exec(host, "qemu-img", words)));
  }
  await scene.remove(base);
  const note = `a full clone of the same takes ${median(full).toFixed(0)} ms; definition and lease included`;
  const raw = { tool: "qemu-img create -b alone", value: median(byHand) };
  return [{ name: "linked clone, stopped", unit: "ms", value: median(linked), raw, note }];
}
