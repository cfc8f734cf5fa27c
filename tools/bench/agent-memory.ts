import { mapLimited } from "@sinter/kit";
import type { Scene } from "../../e2e/scene.ts";
import { AGENT_PROGRAM } from "../stand/stand.ts";
import { type BenchContext, type Figure } from "./figure.ts";
import { residentOf } from "./process-usage.ts";

const VMS = 50;

/** Memory of a real agent whose host has 50 VMs defined, while the manager asks it for all it usually asks. */
export async function benchAgentMemory(scene: Scene, { say, signal }: BenchContext): Promise<Figure[]> {
  const { lab } = scene.stand;
  const [host] = lab.hosts;
  if (!host) throw new Error("Broken assumption: the stand has a host.");
  say(`defining ${VMS} VMs`);
  const uris = await mapLimited(
    Array.from({ length: VMS }, (_, n) => n),
    4,
    (n) => {
      signal.throwIfAborted();
      return scene.create({ ...scene.bare(`bench-many-${n}`), autoBoot: false });
    },
  );
  const pid = (await lab.exec(host, "pgrep", ["-o", "-f", `${AGENT_PROGRAM} run`])).stdout.trim();
  const { stdout } = await lab.exec(host, "cat", [`/proc/${pid}/status`]);
  const { now, highest } = residentOf(stdout);
  await mapLimited(uris, 4, (uri) => scene.remove(uri));
  return [
    {
      name: `agent with ${VMS} VMs, memory`,
      unit: "MB",
      value: now,
      target: { of: "value", max: 120 },
      note: `right after defining them all; at its highest ${highest.toFixed(0)} MB`,
    },
  ];
}
