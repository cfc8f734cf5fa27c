import { AppError, systemClock } from "@sinter/kit";
import { leaseStore } from "../storage/lease.store.ts";
import { DEFAULT_LEASE_IO_TIMEOUT_S } from "../storage/lease.ts";
import type { ComputePorts } from "./compute.ports.ts";
import { vmErrors } from "./vm.errors.ts";

const LOOK_MS = 1_000;
/** On top of the time after which sanlock takes a silent host for dead (8 I/O timeouts and 60 s). */
const MARGIN_S = 60;

/**
 * Runs what needs a VM's leases on a host. While another host has one, and nobody can ask that host to give it up, this
 * waits until it is declared dead: no command of ours makes two hosts write one disk (VIM-02). A host that answers, or
 * whose disk heartbeat goes on beyond that time, keeps its VM: conflict LEASE_HELD with its name (VIM-07).
 */
export async function whenLeasesAreFree(
  ports: ComputePorts,
  options: {
    readonly vmId: number;
    readonly signal: AbortSignal;
    readonly note: (text: string) => unknown;
  },
  work: () => Promise<unknown>,
): Promise<void> {
  const ioTimeoutS = ports.leaseIoTimeoutS ?? DEFAULT_LEASE_IO_TIMEOUT_S;
  const deadline = performance.now() + (8 * ioTimeoutS + 60 + MARGIN_S) * 1000;
  let told = "";
  for (;;) {
    try {
      await work();
      return;
    } catch (error) {
      if (!(error instanceof AppError && error.code === "LEASE_HELD")) throw error;
      const owner = await findOwner(ports, error);
      const isReachable = owner.hostId !== null && ports.fleet.isConnected(owner.hostId);
      if (isReachable || performance.now() > deadline)
        throw vmErrors.leaseHeld(options.vmId, owner.name, error);
      if (told !== owner.name) {
        await options.note(`${owner.name} still has a disk; waiting until its lease is free.`);
        told = owner.name;
      }
      await systemClock.sleep(LOOK_MS, options.signal);
    }
  }
}

async function findOwner(
  ports: ComputePorts,
  error: AppError,
): Promise<{ hostId: number | null; name: string }> {
  const { ownerHostId, ownerHostUuid } = error.params;
  if (typeof ownerHostId !== "number") return { hostId: null, name: "another host" };
  const [owner] = await leaseStore(ports.database.db).hostsAt([ownerHostId]);
  if (owner && owner.hostName !== null) return { hostId: owner.hostId, name: `Host ${owner.hostName}` };
  const uuid = owner?.hostUuid ?? (typeof ownerHostUuid === "string" ? ownerHostUuid : undefined);
  return { hostId: null, name: uuid === undefined ? "A host unknown here" : `The removed host ${uuid}` };
}
