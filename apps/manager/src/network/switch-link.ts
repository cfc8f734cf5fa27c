import { AppError, type Log } from "@sinter/kit";
import type { SwitchObservation, SwitchSpec } from "@sinter/southbound";
import type { Database } from "../database/database.ts";
import type { Fleet } from "../fleet/fleet.ts";
import { type Switch, type SwitchHost, switchIdOnAgent } from "./network.ts";
import { switchStore } from "./switch.store.ts";

export interface SwitchLinkParts {
  readonly database: Database;
  readonly fleet: Fleet;
  readonly log: Log;
}

export function switchSpec(network: Switch, link: SwitchHost): SwitchSpec {
  return {
    switchId: switchIdOnAgent(network.id),
    name: network.name,
    generation: network.generation,
    mtu: network.mtu,
    uplinks: link.uplinks,
  };
}

/**
 * Makes a host carry a switch as it should be and writes down what came of it. Throws only when the host is away;
 * that a NIC is missing there is an outcome. `seen` is what the host has; equal to what it should have: nothing to do.
 */
export async function ensureSwitchOn(
  parts: SwitchLinkParts,
  network: Switch,
  link: SwitchHost,
  seen: SwitchObservation | undefined,
  signal?: AbortSignal,
): Promise<void> {
  const store = switchStore(parts.database.db);
  const isThere = seen?.generation === network.generation && sameSet(seen.uplinks, link.uplinks);
  if (isThere) {
    if (link.appliedGeneration !== network.generation || link.reason !== "") {
      await store.setApplied(network.id, link.hostId, { generation: network.generation, reason: "" });
    }
    return;
  }
  try {
    const made = await parts.fleet
      .agent(link.hostId)
      .ensureSwitch(switchSpec(network, link), signal ? { signal } : {});
    await store.setApplied(network.id, link.hostId, {
      generation: made.generation ?? network.generation,
      reason: "",
    });
  } catch (error) {
    if (!(error instanceof AppError) || error.kind === "unavailable" || error.kind === "cancelled")
      throw error;
    parts.log.warn(
      { err: error, switchId: network.id, hostId: link.hostId },
      "a host could not make a switch",
    );
    await store.setApplied(network.id, link.hostId, { reason: error.message });
  }
}

function sameSet(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((item) => b.includes(item));
}
