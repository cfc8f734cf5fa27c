import { join } from "node:path";
import { assertIndexFree, labAddresses } from "./addressing.ts";
import { withFileLock } from "./file-lock.ts";
import { switchBoxOf } from "./host-power.ts";
import type { LabStateFile } from "./lab-state.ts";
import { type Box, isOpen, runInBox } from "./namespace-box.ts";
import { closeSwitch, openSwitch } from "./switch.ts";

/** Labs choose their addresses one after another, each seeing on the machine's interfaces those before it. */
export const MACHINE_LOCK = "/run/lock/sinter-lab.lock";

/** The switch of a lab; built anew, without its hosts' cables, when its first process has gone. */
export async function ensureSwitch(files: LabStateFile): Promise<Box> {
  const known = switchBoxOf(await files.get());
  if (known !== undefined && (await isOpen(known))) return known;
  return await withFileLock(MACHINE_LOCK, () => raiseSwitch(files));
}

/** The same for callers that hold the machine's lock. */
export async function raiseSwitch(files: LabStateFile): Promise<Box> {
  const state = await files.get();
  const known = switchBoxOf(state);
  if (known !== undefined && (await isOpen(known))) return known;
  await closeSwitch(state.name, known);
  await assertIndexFree(state.index);
  const box = await openSwitch({
    labName: state.name,
    dir: join(files.stateDir, "switch"),
    addresses: labAddresses(state.index),
    guestNetworks: state.guestNetworks,
  });
  await files.update((before) => ({ ...before, switchInit: box.init }));
  return box;
}

export async function lowerSwitch(files: LabStateFile): Promise<void> {
  await withFileLock(MACHINE_LOCK, async () => {
    const state = await files.get();
    await closeSwitch(state.name, switchBoxOf(state));
    await files.update(({ switchInit: _gone, ...rest }) => rest);
  });
}

/** Whether the kernel can delay frames. */
export async function hasNetem(switchBox: Box): Promise<boolean> {
  const trial = ["dev", "lo", "root", "netem", "delay", "1ms"];
  const added = await runInBox(switchBox, "tc", ["qdisc", "add", ...trial], { okCodes: [0, 1, 2] });
  if (added.code !== 0) return false;
  await runInBox(switchBox, "tc", ["qdisc", "delete", "dev", "lo", "root"]);
  return true;
}
