import { Type, type Static } from "typebox";
import { nullable, Uuid } from "./common.ts";

/** Hosts that may have leases on one datastore: as many as a lockspace has places. */
export const LEASE_HOSTS_MAX = 2_000;

/**
 * Disks on the datastore are written under leases (VIM-02): each host keeps its place in the datastore's lockspace
 * alive by writing to it, its disk heartbeat (VIM-06), and a VM starts only with the lease of each of its disks.
 */
export const LeaseSpec = Type.Object({
  /** The host's place, 1 to LEASE_HOSTS_MAX: the same on all datastores, and no other host's. */
  hostId: Type.Integer({ minimum: 1, maximum: LEASE_HOSTS_MAX }),
  /**
   * Longest a healthy write takes, seconds. A host that cannot write for 8 times as long loses its leases; another
   * gets them 60 s later.
   */
  ioTimeoutS: Type.Integer({ minimum: 1, maximum: 60 }),
});
export type LeaseSpec = Static<typeof LeaseSpec>;

/** live: it writes; failing: not for a while; dead: its leases may be taken; unknown: seen for too short a time. */
export const LeaseHostState = Type.Union([
  Type.Literal("live"),
  Type.Literal("failing"),
  Type.Literal("dead"),
  Type.Literal("unknown"),
]);
export type LeaseHostState = Static<typeof LeaseHostState>;

export const LeaseObservation = Type.Object({
  /** joined: VMs can start; joining: soon; failing: the disk heartbeat does not get through; off: see `reason`. */
  state: Type.Union([
    Type.Literal("joined"),
    Type.Literal("joining"),
    Type.Literal("failing"),
    Type.Literal("off"),
  ]),
  /** Null: the host was not given one yet. */
  hostId: nullable(Type.Integer()),
  /** Since the host's last successful heartbeat; null when it has none. */
  heartbeatAgeMs: nullable(Type.Integer({ minimum: 0 })),
  /** What is wrong, for a person. */
  reason: nullable(Type.String()),
  /** Every host that has a place, as this one sees them. */
  hosts: Type.Array(Type.Object({ hostId: Type.Integer(), state: LeaseHostState })),
});
export type LeaseObservation = Static<typeof LeaseObservation>;

/** Who may write a disk now. */
export const LeaseOwner = Type.Object({
  hostId: Type.Integer(),
  /** By which the owner is known in the lockspace; null: it has left its place. */
  hostUuid: nullable(Uuid),
  state: LeaseHostState,
});
export type LeaseOwner = Static<typeof LeaseOwner>;
