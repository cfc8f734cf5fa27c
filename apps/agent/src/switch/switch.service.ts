import { southboundError } from "@sinter/agent-link/agent-side";
import { AppError, KeyedQueue, type Log } from "@sinter/kit";
import type { HostReport, SwitchObservation, SwitchSpec } from "@sinter/southbound";
import { nicExists } from "../host/nics.ts";
import { runProgram } from "../programs.ts";
import { listOf, mapOf, type OvsRow, type OvsVsctl, quoted, textOf } from "./ovs-vsctl.ts";
import { bridgeName } from "./switch-names.ts";

export type SwitchService = ReturnType<typeof createSwitchService>;

/** Keys under external_ids of a bridge that are ours, and of an uplink's interface. */
const ID = { switchId: "sinter-switch", generation: "sinter-generation", name: "sinter-name" } as const;
const UPLINK = "sinter-uplink";

interface Bridge {
  readonly name: string;
  readonly switchId: string | undefined;
  readonly generation: number | null;
  readonly uplinks: readonly string[];
  /** Ports of guests and of others. */
  readonly ports: readonly string[];
}

/**
 * Switches as bridges of Open vSwitch. What they are is kept in the bridge's own external_ids, so Open vSwitch's
 * database is the only memory of them. Changes to one switch wait for each other.
 */
export function createSwitchService(options: {
  readonly ovs: OvsVsctl;
  /** Switches that a defined VM has a NIC on. */
  readonly usedSwitches: () => Promise<ReadonlySet<string>>;
  /** Addresses through which this host is managed; their NICs cannot become uplinks. */
  readonly keptAddresses: () => readonly string[];
  readonly log: Log;
}) {
  const { ovs, log } = options;
  const queue = new KeyedQueue();

  async function facts(): Promise<HostReport["openVSwitch"]> {
    const [tables, datapath] = await Promise.all([
      ovs.list({ Open_vSwitch: ["ovs_version"] }),
      findDatapath(),
    ]);
    const [row] = tables.Open_vSwitch;
    // The column is filled by the start scripts of distributions, which not everybody uses.
    return { version: textOf(row?.["ovs_version"]) || (await ovs.version()), datapath };
  }

  /** Does not change while the host runs: bridges are made for one or the other. */
  let datapathFound: HostReport["openVSwitch"]["datapath"] | undefined;
  async function findDatapath(): Promise<HostReport["openVSwitch"]["datapath"]> {
    if (datapathFound !== undefined) return datapathFound;
    // Open vSwitch names "system" among its datapaths whether or not the kernel has the module.
    const { code } = await runProgram("ovs-dpctl", ["dump-dps"], { okCodes: [0, 1] });
    datapathFound = code === 0 ? "system" : "netdev";
    return datapathFound;
  }

  async function readBridges(): Promise<Bridge[]> {
    const { Bridge, Port, Interface } = await ovs.list({
      Bridge: ["name", "external_ids", "ports"],
      Port: ["_uuid", "name", "interfaces"],
      Interface: ["_uuid", "name", "external_ids"],
    });
    return assemble(Bridge, Port, Interface);
  }

  async function find(switchId: string): Promise<Bridge | undefined> {
    return (await readBridges()).find((bridge) => bridge.switchId === switchId);
  }

  async function requireUplinks(spec: SwitchSpec, others: readonly Bridge[]): Promise<void> {
    for (const uplink of spec.uplinks) {
      if (!(await nicExists(uplink))) {
        throw southboundError("UPLINK_MISSING", `This host has no NIC ${uplink} for switch ${spec.name}.`, {
          params: { switchId: spec.switchId, uplink },
        });
      }
      const owner = others.find((bridge) => [...bridge.uplinks, ...bridge.ports].includes(uplink));
      if (owner) throw switchErrors.uplinkInUse(uplink, owner.switchId ?? owner.name);
      const addresses = await addressesOf(uplink);
      const kept = options.keptAddresses().find((address) => addresses.includes(address));
      if (kept !== undefined) throw switchErrors.uplinkManages(uplink, kept);
    }
  }

  return {
    facts,
    datapath: findDatapath,

    /** Names of all bridges, ours or not; they are no NICs of the host. */
    async bridgeNames(): Promise<Set<string>> {
      const { Bridge: bridges } = await ovs.list({ Bridge: ["name"] });
      return new Set(bridges.map((row) => textOf(row["name"])));
    },

    async list(): Promise<SwitchObservation[]> {
      return (await readBridges()).flatMap((bridge) =>
        bridge.switchId === undefined ? [] : [observe(bridge, bridge.switchId)],
      );
    },

    /** The bridge that guests' NICs are plugged into; undefined when there is no such switch here. */
    async findBridge(switchId: string): Promise<string | undefined> {
      return (await find(switchId))?.name;
    },

    /** Makes or changes a switch. An older generation than what is there changes nothing. */
    ensure: (spec: SwitchSpec): Promise<SwitchObservation> =>
      queue.run(spec.switchId, async () => {
        const bridges = await readBridges();
        const there = bridges.find(({ switchId }) => switchId === spec.switchId);
        if (there && isUpToDate(there, spec)) return observe(there, spec.switchId);
        await requireUplinks(
          spec,
          bridges.filter((bridge) => bridge !== there),
        );
        const name = there?.name ?? bridgeName(spec.switchId);
        await ovs.transact(...commandsFor(spec, name, await findDatapath(), there));
        for (const uplink of spec.uplinks) await runProgram("ip", ["link", "set", "dev", uplink, "up"]);
        log.info({ switchId: spec.switchId, bridge: name, uplinks: spec.uplinks }, "the switch is as wanted");
        const made = await find(spec.switchId);
        if (!made) throw new Error(`Broken assumption: bridge ${name} is there after it was made.`);
        return observe(made, spec.switchId);
      }),

    remove: (switchId: string): Promise<void> =>
      queue.run(switchId, async () => {
        const there = await find(switchId);
        if (!there) return;
        if (there.ports.length > 0 || (await options.usedSwitches()).has(switchId)) {
          throw southboundError("SWITCH_IN_USE", `Switch ${switchId} has ports of VMs on this host.`, {
            params: { switchId, ports: [...there.ports] },
          });
        }
        await ovs.transact(["--if-exists", "del-br", there.name]);
        log.info({ switchId, bridge: there.name }, "removed a switch");
      }),
  };
}

export const switchErrors = {
  uplinkInUse: (uplink: string, owner: string) =>
    new AppError("conflict", "UPLINK_IN_USE", `NIC ${uplink} belongs to switch ${owner} already.`, {
      params: { uplink, owner },
    }),
  uplinkManages: (uplink: string, address: string) =>
    new AppError(
      "invalid",
      "UPLINK_MANAGES_HOST",
      `NIC ${uplink} carries ${address}, through which this host is managed; as an uplink it would cut the host off.`,
      { params: { uplink, address } },
    ),
};

/** One transaction that makes the bridge as the spec says, and takes away uplinks that are no longer in it. */
function commandsFor(
  spec: SwitchSpec,
  name: string,
  datapath: string,
  there: Bridge | undefined,
): string[][] {
  const gone = (there?.uplinks ?? []).filter((uplink) => !spec.uplinks.includes(uplink));
  return [
    ["--may-exist", "add-br", name],
    [
      "set",
      "Bridge",
      name,
      `datapath_type=${datapath}`,
      // Without flows of ours the bridge learns like any switch, also while the agent is away.
      "fail_mode=standalone",
      `external_ids:${ID.switchId}=${quoted(spec.switchId)}`,
      `external_ids:${ID.generation}=${quoted(String(spec.generation))}`,
      `external_ids:${ID.name}=${quoted(spec.name)}`,
    ],
    ["set", "Interface", name, `mtu_request=${spec.mtu}`],
    ...gone.map((uplink) => ["--if-exists", "del-port", name, uplink]),
    ...spec.uplinks.flatMap((uplink) => [
      ["--may-exist", "add-port", name, uplink],
      ["set", "Interface", uplink, `mtu_request=${spec.mtu}`, `external_ids:${UPLINK}=true`],
    ]),
  ];
}

function assemble(
  bridges: readonly OvsRow[],
  ports: readonly OvsRow[],
  interfaces: readonly OvsRow[],
): Bridge[] {
  const portById = new Map(ports.map((row) => [row["_uuid"], row]));
  const interfaceById = new Map(interfaces.map((row) => [row["_uuid"], row]));
  return bridges.map((row) => {
    const ids = mapOf(row["external_ids"]);
    const uplinks: string[] = [];
    const others: string[] = [];
    for (const port of listOf(row["ports"]).map((id) => portById.get(id))) {
      if (port === undefined || port["name"] === row["name"]) continue; // the bridge's own port
      const parts = listOf(port["interfaces"]).map((id) => interfaceById.get(id));
      const isUplink = parts.some((part) => mapOf(part?.["external_ids"])[UPLINK] === "true");
      (isUplink ? uplinks : others).push(textOf(port["name"]));
    }
    const switchId = ids[ID.switchId];
    return {
      name: textOf(row["name"]),
      switchId: typeof switchId === "string" ? switchId : undefined,
      generation: ids[ID.generation] === undefined ? null : Number(ids[ID.generation]),
      uplinks: uplinks.toSorted(),
      ports: others.toSorted(),
    };
  });
}

/** Newer than the spec; or as new, and nothing was taken from the bridge behind our back. */
function isUpToDate({ generation, uplinks }: Bridge, spec: SwitchSpec): boolean {
  if (generation === null || generation < spec.generation) return false;
  return generation > spec.generation || spec.uplinks.every((uplink) => uplinks.includes(uplink));
}

function observe(bridge: Bridge, switchId: string): SwitchObservation {
  return {
    switchId,
    bridge: bridge.name,
    generation: bridge.generation,
    uplinks: [...bridge.uplinks],
    ports: bridge.ports.length,
  };
}

async function addressesOf(nic: string): Promise<string[]> {
  const { stdout } = await runProgram("ip", ["-json", "address", "show", "dev", nic]);
  const [shown] = JSON.parse(stdout) as { addr_info?: { local?: string }[] }[];
  return (shown?.addr_info ?? []).flatMap(({ local }) => local ?? []);
}
