import { benchRpc } from "@sinter/libvirt/bench";
import type { Scene } from "../../e2e/scene.ts";
import { type BenchContext, type Figure } from "./figure.ts";

const DOMAINS = 5;

/** What a call of libvirt costs over our own RPC, and what starting virsh for it costs, on the same daemon. */
export async function benchLibvirt(scene: Scene, { say }: BenchContext): Promise<Figure[]> {
  const [host] = scene.stand.lab.hosts;
  if (!host) throw new Error("Broken assumption: the stand has a host.");
  say("calling libvirt by RPC and by virsh");
  const uris: string[] = [];
  for (let n = 0; n < DOMAINS; n++) {
    uris.push(await scene.create({ ...scene.bare(`bench-call-${n}`), autoBoot: false }));
  }
  const rows = await benchRpc(await host.path("/run/libvirt/libvirt-sock"), {
    rpcCalls: 300,
    virshCalls: 30,
  });
  for (const uri of uris) await scene.remove(uri);
  return rows.map(({ name, rpc, virsh }) => ({
    name: `libvirt: ${name}`,
    unit: "ms",
    value: rpc.p50Ms,
    raw: { tool: "virsh", value: virsh.p50Ms },
    target: { of: "ratio", max: 1 },
  }));
}
