import { silentLog, toAppError } from "@sinter/kit";
import type { SwitchSpec } from "@sinter/southbound";
import { listNics } from "../host/nics.ts";
import { OvsVsctl } from "../switch/ovs-vsctl.ts";
import { createSwitchService } from "../switch/switch.service.ts";

/** What a test may ask of the switch service. */
export type SwitchStep =
  | { readonly ensure: SwitchSpec }
  | { readonly remove: string }
  | { readonly list: true }
  | { readonly nics: true }
  | { readonly facts: true };

export interface SwitchRun {
  readonly steps: readonly SwitchStep[];
  readonly usedSwitches?: readonly string[];
  readonly keptAddresses?: readonly string[];
}

/**
 * Runs steps and prints one result each, as JSON. A program of its own, since a network namespace, in which the NICs
 * of such a test are, belongs to a process.
 */
const run = JSON.parse(process.argv[2] ?? "") as SwitchRun; // from switch.test.ts
const switches = createSwitchService({
  ovs: new OvsVsctl(undefined),
  usedSwitches: async () => new Set(run.usedSwitches),
  keptAddresses: () => run.keptAddresses ?? [],
  log: silentLog,
});
const results: unknown[] = [];
for (const step of run.steps) {
  try {
    results.push(await take(step));
  } catch (error) {
    results.push(
      toAppError(error).code === "INTERNAL" ? { crash: String(error) } : { error: toAppError(error).code },
    );
  }
}
process.stdout.write(JSON.stringify(results));

async function take(step: SwitchStep): Promise<unknown> {
  if ("ensure" in step) return await switches.ensure(step.ensure);
  if ("remove" in step) return (await switches.remove(step.remove)) ?? null;
  if ("nics" in step) return await listNics(await switches.bridgeNames());
  if ("facts" in step) return await switches.facts();
  return await switches.list();
}
