import { type Static, Type } from "typebox";

/** Ours: the data of a `change` event of `GET /sinter/v1/changes`. */
export const ChangeEvent = Type.Object(
  {
    kind: Type.String({
      description:
        "vms, hosts, clusters, tasks, volumes, datastores, switches, portGroups, isos, sites, users or roles.",
    }),
    urns: Type.Union([Type.Array(Type.String()), Type.Null()], {
      description: "Null: many, or objects without a URN; look at all of the kind.",
    }),
  },
  { title: "ChangeEvent" },
);
export type ChangeEvent = Static<typeof ChangeEvent>;
