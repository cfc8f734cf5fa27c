import type { Log, RunOptions, RunResult } from "@sinter/kit";

/**
 * A laboratory: real hosts on one machine. Each host has namespaces of its own (network, mounts, host name, process
 * ids, and cgroups where the machine has them) with its own libvirtd, Open vSwitch and agent; a switch between them
 * has a separate link per host and network, so that each can be cut alone.
 *
 * The world is the truth, and `stateDir/lab.json` is its index: any process on the machine may attach to a lab by its
 * state directory and use every call below. Calls for one host wait for each other, also across processes.
 */
export interface Lab {
  readonly name: string;
  readonly stateDir: string;
  /** In the order of the options. Fixed for the life of the lab. */
  readonly hosts: readonly LabHost[];
  readonly addresses: LabAddresses;

  /** The host of that name; throws `notFound` LAB_NO_SUCH_HOST. */
  host(name: string): LabHost;

  /** `run()` inside the host: its network, files, process ids. The host must be on. */
  exec(
    host: LabHost | string,
    program: string,
    args: readonly string[],
    options?: RunOptions,
  ): Promise<RunResult>;
  /** `run()` inside the switch's namespaces: `ip`, `tcpdump`, `ovs-vsctl` of the physical switch "psw". */
  execSwitch(program: string, args: readonly string[], options?: RunOptions): Promise<RunResult>;

  /**
   * A datastore that several hosts see as one directory: /var/lib/sinter/datastores/NAME inside each. Idempotent;
   * hosts that are off get it when they are powered on. Disk locks work across hosts, as on NFSv4 or a cluster
   * file system, because underneath it is one file system.
   */
  sharedDirectory(name: string, options?: SharedDirectoryOptions): Promise<LabDatastore>;
  /** A datastore that one host alone sees, at the same kind of path. */
  localDirectory(host: LabHost | string, name: string, options?: DirectoryOptions): Promise<LabDatastore>;
  /** Takes a datastore from a host again; throws `conflict` LAB_DATASTORE_BUSY while something there uses it. */
  detachDatastore(host: LabHost | string, name: string): Promise<void>;

  /**
   * Takes all room but `leaveBytes` of a datastore that was made with `sizeBytes`; throws `invalid`
   * LAB_DATASTORE_UNLIMITED for one without, whose room is the machine's own disk. `unfill` gives it back. Some host
   * that has the datastore must be on.
   */
  fill(datastoreId: string, leaveBytes?: number): Promise<void>;
  unfill(datastoreId: string): Promise<void>;

  status(): Promise<LabStatus>;

  /** Starts what should run and does not (after a crash of the machine or of a supervisor); leaves the rest alone. */
  resume(): Promise<void>;

  /** Ends this process's supervision of agents without touching any host. */
  detach(): Promise<void>;

  /**
   * Stops everything the lab started, guests included, and nothing else. With `keepState` the hosts' disks,
   * identities and addresses stay in `stateDir` for a later `createLab`; otherwise the directory is removed.
   * May be called again; forgives what is gone already.
   */
  down(options?: { readonly keepState?: boolean }): Promise<void>;
}

export interface LabHost {
  readonly name: string;
  /** As libvirt reports it; stays the same over power cycles. */
  readonly uuid: string;
  /** Addresses without prefix length. The agent is reached at `management` from the root namespace. */
  readonly addresses: { readonly management: string; readonly storage: string; readonly migration: string };

  /**
   * The same file seen from the root namespace, e.g. `path("/run/libvirt/libvirt-sock")` to connect to the host's
   * libvirtd. Valid until the host loses power. Throws `conflict` LAB_HOST_OFF when it is off.
   */
  path(inside: string): Promise<string>;
  /** Where the output of a process goes, as a path in the root namespace. Appended to over restarts. */
  logFile(process: HostProcess): string;

  /**
   * Power cut: at one moment no process of the host runs any more (guests, daemons, agent), its links go down and
   * what was in memory (/run, /tmp excepted, see README) is gone. Its disks stay. Idempotent.
   */
  powerOff(): Promise<void>;
  /** Boots the host: network, daemons, agent; resolves when libvirtd and Open vSwitch answer. Idempotent. */
  powerOn(): Promise<void>;

  /**
   * Pulls the cable at the switch: the host sees its carrier go. Idempotent, stays over power cycles. Without the cable
   * of `storage` the host's disk heartbeat on shared datastores fails as well; their files stay in reach.
   */
  cut(link: HostLink): Promise<void>;
  mend(link: HostLink): Promise<void>;
  /**
   * Makes a link slow in both directions. A delay needs the kernel's netem and throws `unavailable` LAB_NO_NETEM
   * where it is missing; a rate works everywhere. `{}` makes it normal again.
   */
  slow(link: HostLink, how: { readonly delayMs?: number; readonly rateKbit?: number }): Promise<void>;
  /**
   * What the switch makes of the two uplinks: ports of their own (as they are at first), or one bundle by LACP, which
   * the host must speak as well. Stays over power cycles.
   */
  setUplinkMode(mode: UplinkMode): Promise<void>;
  /**
   * Leaves the whole host 1/factor of one CPU's time by its cgroup's quota; 1 makes it normal again.
   * Throws `unavailable` LAB_NO_CGROUPS where the lab has no cgroups.
   */
  slowDown(factor: number): Promise<void>;

  /** SIGSTOP and SIGCONT: alive and silent. Idempotent. */
  freeze(process: HostProcess | GuestProcess): Promise<void>;
  thaw(process: HostProcess | GuestProcess): Promise<void>;
  /** SIGKILL. Nobody starts it again, except a supervised agent. Forgives absence. */
  kill(process: HostProcess | GuestProcess): Promise<void>;
  /** Starts a process that is not running; resolves when it answers (for the agent: when it was started). */
  start(process: HostProcess): Promise<void>;
  /** Asks it to end (SIGTERM, SIGKILL after 10 s), so that supervision lets it rest until `start`. */
  stop(process: HostProcess): Promise<void>;
  restart(process: HostProcess): Promise<void>;
}

/** `ovs` is ovs-vswitchd, `ovsdb` its database server, `sanlock` keeps leases on shared datastores. */
export type HostProcess = "agent" | "libvirtd" | "virtlogd" | "sanlock" | "ovs" | "ovsdb";
export const HOST_PROCESSES: readonly HostProcess[] = [
  "ovsdb",
  "ovs",
  "sanlock",
  "virtlogd",
  "libvirtd",
  "agent",
];

/** The QEMU of a running VM, by the name libvirt knows it under. */
export interface GuestProcess {
  readonly vm: string;
}

export type LabNetwork = "management" | "storage" | "migration" | "guest";
/**
 * What can be cut: a network's link, or one of the two uplinks for guest traffic; `guest` means both uplinks.
 * Inside a host the interfaces are called mgmt0, stor0, migr0, up0 and up1.
 */
export type HostLink = LabNetwork | "up0" | "up1";

export type UplinkMode = "separate" | "lacp";

export interface LabAddresses {
  /** The number in 198.18.N.0/24 and 198.19.N.0/24 that tells labs on one machine apart. */
  readonly index: number;
  /** The root namespace's address on the management network: where agents reach the manager. */
  readonly manager: string;
  readonly managementCidr: string;
  readonly storageCidr: string;
  readonly migrationCidr: string;
}

export interface HostSpec {
  /** a–z and 0–9, at most 8; default h1, h2, … */
  readonly name?: string;
}

export interface GuestNetwork {
  /** The VLAN on the uplinks; without one, untagged. */
  readonly vlanId?: number;
  /** E.g. 172.31.0.0/24. The first address is the switch's; DHCP gives from .100 on. */
  readonly cidr: string;
}

export interface DirectoryOptions {
  /** Room of the datastore, a file system of its own; without it, the room of the machine's disk. Not below 16 MiB. */
  readonly sizeBytes?: number;
}

export interface SharedDirectoryOptions extends DirectoryOptions {
  /** Which hosts see it; default all. Calling again adds hosts. */
  readonly hosts?: readonly string[];
}

export interface LabDatastore {
  /** For `fill` and `unfill`: the name of a shared one, HOST.NAME of a local one. */
  readonly id: string;
  readonly name: string;
  /** Inside each host that has it. */
  readonly path: string;
}

export interface AgentCommand {
  readonly program: string;
  readonly args: readonly string[];
  /** Added to a small environment (PATH, HOME, LANG). It is kept in the state directory: no secrets here. */
  readonly env?: Readonly<Record<string, string>>;
}

/** What is known of a host before it runs. */
export interface HostIdentity {
  readonly name: string;
  readonly uuid: string;
  readonly addresses: LabHost["addresses"];
  readonly lab: { readonly name: string; readonly addresses: LabAddresses };
}

export interface LabOptions {
  /** a–z and 0–9, at most 8. Two labs of one name cannot be up at once. */
  readonly name: string;
  /** Everything that outlives a power cut. Not under /run. */
  readonly stateDir: string;
  readonly hosts: number | readonly HostSpec[];
  /** Networks behind the guest uplinks, each with DHCP; default one, untagged, 172.31.0.0/24. */
  readonly guestNetworks?: readonly GuestNetwork[];
  /** The process that stands for a node's agent; without it a host has libvirtd and Open vSwitch alone. */
  readonly agentCommand?: (host: HostIdentity) => AgentCommand;
  /** This process starts an agent again that ended by itself, as a node's service manager would. Default false. */
  readonly superviseAgents?: boolean;
  /** Where facts that outlive labs are kept (QEMU capabilities, whether KVM works); default /var/cache/sinter. */
  readonly cacheDir?: string;
  readonly log: Log;
}

export interface LabStatus {
  readonly name: string;
  readonly stateDir: string;
  readonly switchUp: boolean;
  readonly addresses: LabAddresses;
  /** What this machine cannot give, as sentences for a person (no KVM, no cgroups, no netem). */
  readonly limits: readonly string[];
  readonly hosts: readonly HostStatus[];
}

export interface HostStatus {
  readonly name: string;
  readonly power: "on" | "off";
  readonly processes: Readonly<Record<HostProcess, "running" | "frozen" | "absent">>;
  /** Names of VMs whose QEMU runs. */
  readonly guests: readonly string[];
  readonly cut: readonly HostLink[];
  readonly datastores: readonly string[];
}
