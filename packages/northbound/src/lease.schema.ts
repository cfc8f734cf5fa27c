import { Type, type Static } from "typebox";

/** Leases on shared datastores; `/sinter/v1/...` alone, since the contract has no word for them. */
const Ago = Type.Union([Type.Integer({ minimum: 0 }), Type.Null()], {
  description: "Milliseconds since the host's last disk heartbeat that got through; null: none is known.",
});
const HostState = Type.Union(
  [Type.Literal("live"), Type.Literal("failing"), Type.Literal("dead"), Type.Literal("unknown")],
  {
    description:
      "Its disk heartbeat: live; failing for a while; dead, so that its leases may be taken; unknown yet.",
  },
);

export const DatastoreLeases = Type.Object(
  {
    /** Whether disks there are written under leases: on shared datastores. */
    isLeased: Type.Boolean(),
    hosts: Type.Array(
      Type.Object({
        hostUrn: Type.String(),
        hostName: Type.String(),
        place: Type.Integer({ description: "The host's number in every lockspace, 1 to 2000." }),
        status: Type.String({
          description: "joined, joining, failing or off, as the host says; unknown when it cannot be asked.",
        }),
        reason: Type.String(),
        heartbeatAgeMs: Ago,
        seenByOthers: HostState,
        networkHeartbeat: Type.Boolean({ description: "Whether the manager reaches it (VIM-07)." }),
      }),
    ),
  },
  { title: "DatastoreLeases" },
);
export type DatastoreLeases = Static<typeof DatastoreLeases>;

export const VmLeases = Type.Object(
  {
    disks: Type.Array(
      Type.Object({
        volumeUrn: Type.String(),
        volumeName: Type.String(),
        datastoreUrn: Type.String(),
        ownerHostUrn: Type.String({ description: "Empty: nobody has it, or a host that left the site." }),
        ownerHostName: Type.String(),
        ownerStatus: Type.Union([HostState, Type.Literal("")], { description: "Empty: nobody has it." }),
        reason: Type.String({ description: "Why the owner is not known." }),
      }),
    ),
  },
  { title: "VmLeases" },
);
export type VmLeases = Static<typeof VmLeases>;
