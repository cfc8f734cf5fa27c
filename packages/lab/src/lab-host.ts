import { join } from "node:path";
import { AppError, type Log } from "@sinter/kit";
import { hostAddresses } from "./addressing.ts";
import { findCgroupTree } from "./cgroups.ts";
import { withFileLock } from "./file-lock.ts";
import { boxOf, hostId, powerOffHost, powerOnHost, switchBoxOf } from "./host-power.ts";
import {
  findTarget,
  freezeRef,
  getTarget,
  killRef,
  processLog,
  startProcess,
  stopProcess,
  thawRef,
} from "./host-processes.ts";
import type { GuestProcess, HostLink, HostProcess, LabHost } from "./lab.ts";
import type { HostState, LabStateFile } from "./lab-state.ts";
import { ensureSwitch } from "./lab-switch.ts";
import { type Box, isOpen } from "./namespace-box.ts";
import { plugUplinks, setWire, shapeWire, unplugUplinks, wiresOf } from "./wires.ts";

export interface LabContext {
  readonly files: LabStateFile;
  readonly labName: string;
  readonly index: number;
  readonly log: Log;
}

/** The calls of one host. Everything they know they read from the lab's state and the machine, each time anew. */
export function createLabHost(
  context: LabContext,
  fixed: Pick<HostState, "name" | "uuid" | "number">,
): LabHost {
  const { files, labName, log } = context;
  const { name } = fixed;

  const alone = <T>(work: () => Promise<T>): Promise<T> => withHostLock(files.stateDir, name, work);
  const running = async (): Promise<{ box: Box; host: HostState }> => {
    const host = await files.host(name);
    return { box: await openBoxOf(labName, host), host };
  };
  const rest = (process: HostProcess, resting: boolean): Promise<HostState> =>
    files.updateHost(name, (host) => {
      const others = host.resting.filter((p) => p !== process);
      return { ...host, resting: resting ? [...others, process] : others };
    });
  const start = async (process: HostProcess): Promise<void> => {
    const host = await rest(process, false);
    await startProcess(files, await openBoxOf(labName, host), host, process);
  };
  const stop = async (process: HostProcess): Promise<void> => {
    await stopProcess(await rest(process, true), process);
  };
  const setCut = (link: HostLink, pulled: boolean): Promise<void> =>
    alone(async () => {
      const wires = wiresOf(link);
      const host = await files.updateHost(name, (before) => {
        const others = before.cut.flatMap(wiresOf).filter((wire) => !wires.includes(wire));
        return { ...before, cut: pulled ? [...others, ...wires] : others };
      });
      const switchBox = switchBoxOf(await files.get());
      const box = boxOf(labName, host);
      // A host that is off has no cables; it gets them in this state when it boots.
      if (switchBox === undefined || box === undefined || !(await isOpen(box))) return;
      for (const wire of wires) await setWire(switchBox, { name, box }, wire, pulled ? "out" : "in");
    });

  return {
    name,
    uuid: fixed.uuid,
    addresses: hostAddresses(context.index, fixed.number),

    path: async (inside) => `/proc/${(await running()).box.init.pid}/root${inside}`,
    logFile: (process) => processLog(files.stateDir, name, process),

    powerOff: () =>
      alone(async () => {
        await powerOffHost(files, switchBoxOf(await files.get()), name);
        log.info({ lab: labName, host: name }, "host powered off");
      }),
    powerOn: async () => {
      const switchBox = await ensureSwitch(files);
      await alone(() => powerOnHost(files, switchBox, name, log));
      log.info({ lab: labName, host: name }, "host powered on");
    },

    cut: (link) => setCut(link, true),
    mend: (link) => setCut(link, false),
    slow: (link, how) =>
      alone(async () => {
        const { box } = await running();
        const switchBox = await ensureSwitch(files);
        for (const wire of wiresOf(link)) await shapeWire(switchBox, { name, box }, wire, how);
      }),
    setUplinkMode: (mode) =>
      alone(async () => {
        const host = await files.updateHost(name, (before) => ({ ...before, uplinkMode: mode }));
        const switchBox = switchBoxOf(await files.get());
        if (switchBox === undefined || !(await isOpen(boxOf(labName, host)))) return;
        await unplugUplinks(switchBox, name);
        await plugUplinks(switchBox, name, mode);
      }),
    slowDown: (factor) =>
      alone(async () => {
        if (!(factor >= 1)) throw new AppError("invalid", "LAB_FACTOR", "The factor must be 1 or more.");
        await running();
        const tree = await findCgroupTree(hostId(labName, name));
        if (tree === undefined) {
          throw new AppError(
            "unavailable",
            "LAB_NO_CGROUPS",
            "A host is slowed down by its cgroup; here it has none.",
          );
        }
        await tree.limitCpu(factor === 1 ? undefined : 1 / factor);
      }),

    freeze: (target) => alone(() => onTarget(target, freezeRef)),
    thaw: (target) => alone(() => onTarget(target, thawRef)),
    kill: (target) =>
      alone(async () => {
        const { box, host } = await running();
        await killRef(await findTarget(box, host, target));
      }),
    start: (process) => alone(() => start(process)),
    stop: (process) => alone(() => stop(process)),
    restart: (process) =>
      alone(async () => {
        await stop(process);
        await start(process);
      }),
  };

  async function onTarget(
    target: HostProcess | GuestProcess,
    act: (ref: Awaited<ReturnType<typeof getTarget>>) => Promise<void>,
  ): Promise<void> {
    const { box, host } = await running();
    await act(await getTarget(box, host, target));
  }
}

/** Calls that change one host wait for each other, in whatever process they are made. */
export function withHostLock<T>(stateDir: string, host: string, work: () => Promise<T>): Promise<T> {
  return withFileLock(join(stateDir, "hosts", `${host}.lock`), work);
}

/** The box of a host that is on; throws LAB_HOST_OFF for one that is not. */
export async function openBoxOf(labName: string, host: HostState): Promise<Box> {
  const box = boxOf(labName, host);
  if (box !== undefined && (await isOpen(box))) return box;
  throw new AppError("conflict", "LAB_HOST_OFF", `The host ${host.name} is off; this needs it powered on.`);
}
