import { createHash } from "node:crypto";
import { southboundError } from "@sinter/agent-link";
import type { SwitchObservation, SwitchSpec } from "@sinter/southbound";
import type { Effects } from "./effects.ts";
import type { SimHost } from "./sim-host.ts";
import { isAlive } from "./sim-vm.ts";

export const switchEffects = {
  listSwitches: (host) => ({ switches: [...host.switches.values()].map((spec) => observe(host, spec)) }),

  ensureSwitch(host, spec) {
    const known = host.switches.get(spec.switchId);
    if (known && spec.generation <= known.generation) return observe(host, known);
    const missing = spec.uplinks.find((name) => !host.report.nics.some((nic) => nic.name === name));
    if (missing !== undefined) {
      throw southboundError("UPLINK_MISSING", `Host ${host.hostUuid} has no NIC ${missing}.`, {
        params: { uplink: missing },
      });
    }
    host.switches.set(spec.switchId, spec);
    return observe(host, spec);
  },

  removeSwitch(host, { switchId }) {
    const spec = host.switches.get(switchId);
    if (!spec) return {};
    if (observe(host, spec).ports > 0) {
      throw southboundError("SWITCH_IN_USE", `A VM has a port on switch ${switchId}.`, {
        params: { switchId },
      });
    }
    host.switches.delete(switchId);
    return {};
  },
} satisfies Partial<Effects>;

function observe(host: SimHost, spec: SwitchSpec): SwitchObservation {
  let ports = 0;
  for (const vm of host.vms.values()) {
    if (!isAlive(vm) || !vm.live) continue;
    for (const nic of vm.live.nics) if (nic.switchId === spec.switchId) ports++;
  }
  return {
    switchId: spec.switchId,
    bridge: bridgeName(spec.switchId),
    generation: spec.generation,
    uplinks: spec.uplinks,
    ports,
  };
}

/** Interface names have 15 characters; a longer id keeps its beginning and a digest of all of it. */
function bridgeName(switchId: string): string {
  const name = `s-${switchId}`;
  if (name.length <= 15) return name;
  return `s-${switchId.slice(0, 4)}-${createHash("sha256").update(switchId).digest("hex").slice(0, 8)}`;
}
