import type { AgentApi, CallContext, CallInput, CallName } from "@sinter/southbound";
import { hostEffects } from "./host-calls.ts";
import { mediaEffects } from "./media-calls.ts";
import type { SimHost } from "./sim-host.ts";
import { snapshotEffects } from "./snapshot-calls.ts";
import { storageEffects } from "./storage-calls.ts";
import { switchEffects } from "./switch-calls.ts";
import { vmEffects } from "./vm-calls.ts";

type Reply<N extends CallName> = Awaited<ReturnType<AgentApi[N]>>;

/** What each call does to a simulated host, faults and log aside. */
export type Effects = {
  [N in CallName]: (host: SimHost, input: CallInput<N>, context: CallContext) => Reply<N> | Promise<Reply<N>>;
};

export const EFFECTS: Effects = {
  ...hostEffects,
  ...vmEffects,
  ...mediaEffects,
  ...snapshotEffects,
  ...storageEffects,
  ...switchEffects,
};

/** Calls that need no libvirt and answer while it is away. */
export const WITHOUT_LIBVIRT: ReadonlySet<CallName> = new Set([
  "getHost",
  "listDatastores",
  "ensureDatastore",
  "listImages",
  "listIsos",
  "ensureIsoUpload",
  "writeIsoUpload",
  "finishIsoUpload",
  "removeIsoUpload",
  "listVolumes",
  "getVolume",
  "getLease",
  "ensureVolume",
  "ensureOverlay",
  "listSwitches",
  "ensureSwitch",
  "beginRotation",
  "finishRotation",
] as const);
