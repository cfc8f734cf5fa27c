import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import type { Duplex } from "node:stream";
import { caFingerprint, type ServedAgent } from "@sinter/agent-link/agent-side";
import { type Log, systemClock } from "@sinter/kit";
import type { AgentApi, DatastoreObservation } from "@sinter/southbound";
import type { AgentConfig } from "./config.ts";
import { createScreens } from "./console/screen.service.ts";
import { createDatastoreService, type DatastoreLook } from "./datastore/datastore.service.ts";
import { EventHub } from "./events/event-hub.ts";
import { followLibvirt } from "./events/libvirt-events.ts";
import { type AcceleratorChoice, chooseAccelerator, emulatorOf } from "./host/accelerator.ts";
import { createHostService, type HostService } from "./host/host.service.ts";
import { hostArchitecture, readCgroupKind } from "./host/machine-facts.ts";
import { parseCpuInfo, readBootId } from "./host/proc-files.ts";
import type { Identity } from "./identity/identity-store.ts";
import { createIdentityHolder } from "./identity/rotation.ts";
import { createLeaseService, type LeasedDatastore } from "./lease/lease.service.ts";
import { createLeaseWatch } from "./lease/lease-watch.ts";
import { createVolumeGuard } from "./lease/volume-guard.ts";
import { LibvirtLink } from "./libvirt/libvirt-link.ts";
import { type BrowserMedia, createBrowserMedia } from "./media/browser-media.ts";
import { listIsos, removeIso } from "./media/iso-folder.ts";
import { createIsoUploads } from "./media/iso-upload.ts";
import { createMediaService } from "./media/media.service.ts";
import { createMetrics, type Metrics } from "./metrics.ts";
import { runProgram } from "./programs.ts";
import { createStatsService } from "./stats/stats.service.ts";
import { OvsVsctl } from "./switch/ovs-vsctl.ts";
import { createSwitchService, type SwitchService } from "./switch/switch.service.ts";
import { CpuBalance } from "./vm/cpu-balance.ts";
import { createDomainReader, type DomainReader } from "./vm/domain-reader.ts";
import type { HostTraits } from "./vm/domain-spec.ts";
import { GuestWatch } from "./vm/guest-watch.ts";
import { createDiskOwner } from "./vm/disk-owner.ts";
import { createSeedStore } from "./vm/seed-store.ts";
import { createVmDefiner } from "./vm/vm-define.ts";
import { createVmDevices, findDisk } from "./vm/vm-devices.ts";
import { createVmLeases } from "./vm/vm-leases.ts";
import { createVmPowerControl } from "./vm/vm-power.ts";
import { isUp, powerOf } from "./vm/vm-observation.ts";
import { createVmService } from "./vm/vm.service.ts";
import { createVmSnapshots } from "./vm/vm-snapshot.ts";
import { createOverlayService } from "./volume/overlay.service.ts";
import { createVolumeService } from "./volume/volume.service.ts";
import { createVolumeUpkeep } from "./volume/volume-upkeep.ts";

/** What is there before the host has joined: enough to say what kind of host it is. */
export interface Node extends AsyncDisposable {
  readonly libvirt: LibvirtLink;
  readonly reader: DomainReader;
  readonly switches: SwitchService;
  readonly host: HostService;
  readonly accelerator: AcceleratorChoice;
  readonly bootId: string;
}

/** How long to wait for libvirtd at start; the agent serves without it, but then cannot look around first. */
const LIBVIRT_MS_MAX = 15_000;
const DATASTORE_LOOK_MS = 10_000;

export async function composeNode(options: {
  readonly config: AgentConfig;
  /** Addresses through which this host is managed. */
  readonly keptAddresses: () => readonly string[];
  readonly log: Log;
}): Promise<Node> {
  const { config, log } = options;
  const architecture = hostArchitecture();
  const [bootId, qemuVersion, agentVersion] = await Promise.all([
    readBootId(),
    readQemuVersion(architecture),
    readAgentVersion(),
  ]);
  const accelerator = await chooseAccelerator({
    stateDir: config.stateDir,
    bootId,
    architecture,
    qemuVersion,
  });
  if (accelerator.reason !== null) log.warn({ why: accelerator.reason }, "guests are emulated in software");
  const libvirt = new LibvirtLink({
    socketPath: config.libvirtSocket,
    readTimeoutMs: config.libvirtTimeoutS * 1000,
    log,
  });
  const reader = createDomainReader(libvirt);
  const switches = createSwitchService({
    ovs: new OvsVsctl(config.ovsDatabase),
    usedSwitches: () => reader.usedSwitches(),
    keptAddresses: options.keptAddresses,
    log,
  });
  const host = createHostService({ libvirt, switches, accelerator, qemuVersion, bootId, agentVersion });
  return {
    libvirt,
    reader,
    switches,
    host,
    accelerator,
    bootId,
    [Symbol.asyncDispose]: () => libvirt[Symbol.asyncDispose](),
  };
}

export interface Agent extends ServedAgent, AsyncDisposable {
  readonly openConsole: (vmUuid: string) => Promise<Duplex>;
  readonly openScreen: (vmUuid: string, password: string) => Promise<Duplex>;
  readonly openMedia: BrowserMedia["attach"];
  readonly metrics: Metrics;
  /** The identity in force; changes by rotation. */
  readonly identity: () => Identity;
}

/** Everything of an agent but its server. Starts to follow libvirt, touches no VM. */
export async function composeAgent(options: {
  readonly config: AgentConfig;
  readonly identity: Identity;
  /** Called when a rotation has put a new identity in force. */
  readonly onRenewed: () => void;
  readonly log: Log;
}): Promise<Agent> {
  const { config, log } = options;
  const { stateDir } = config;
  const { hostUuid } = options.identity;
  const startedAt = Date.now();
  await using parts = new AsyncDisposableStack();

  const identity = createIdentityHolder({
    stateDir,
    identity: options.identity,
    onRenewed: options.onRenewed,
    log,
  });
  const node = parts.use(await composeNode({ config, keptAddresses: () => [identity.get().address], log }));
  const { libvirt, reader, switches } = node;
  const hub = new EventHub();

  const datastores = createDatastoreService({
    stateDir,
    usersOf: (datastore) => reader.usersOfDatastore(datastore),
    hub,
    log,
  });
  const leaseHolders = async ({ markerId }: LeasedDatastore): Promise<{ vmUuid: string; name: string }[]> =>
    (await reader.list())
      .filter((seen) => isUp(powerOf(seen)))
      .filter(({ current }) => current.devices?.leases?.some(({ lockspace }) => lockspace === markerId))
      .map(({ uuid, current }) => ({ vmUuid: uuid, name: current.name }));
  const leases = parts.use(
    createLeaseService({
      hostUuid,
      libvirtConfigDir: config.libvirtConfigDir,
      holders: leaseHolders,
      log,
    }),
  );
  const volumes = createVolumeService({
    datastores,
    hostUuid,
    usersOf: (path) => reader.usersOfFile(path),
    hub,
    log,
  });
  const seeds = createSeedStore(stateDir);

  let hasCpuTuning = true;
  async function traits(): Promise<HostTraits> {
    const [cpuInfo, cgroup, datapath] = await Promise.all([
      readFile("/proc/cpuinfo", "utf8"),
      readCgroupKind(),
      // Without a switch there is no NIC for which the kind of datapath would matter.
      switches.datapath().catch(() => "netdev" as const),
    ]);
    return {
      architecture: hostArchitecture(),
      accelerator: node.accelerator.accelerator,
      cpu: parseCpuInfo(cpuInfo),
      cgroup: hasCpuTuning ? cgroup : "none",
      datapath,
      managerId: caFingerprint(identity.get().ca),
    };
  }

  const browsers = parts.use(
    createBrowserMedia({
      directory: config.mediaDir ?? ownMediaDir(stateDir),
      log,
      onEnded: (mediaId) => void tellEnded(mediaId),
    }),
  );
  await browsers.tidy();
  const media = createMediaService({ libvirt, reader, datastores, browsers, log });
  const isoUploads = createIsoUploads({ datastores, log });

  /** The manager shows that the medium is gone. */
  async function tellEnded(mediaId: string): Promise<void> {
    const seen = await reader.list().catch(() => []);
    for (const { uuid, current } of seen) {
      const medium = media.describe(current);
      if (medium?.kind === "browser" && medium.mediaId === mediaId) hub.vmChanged(uuid);
    }
  }

  const guard = createVolumeGuard({
    datastores,
    leases,
    isRunningHere: async (volumeUuid) =>
      (await reader.list()).some((seen) => isUp(powerOf(seen)) && findDisk(seen.current, volumeUuid)),
  });
  const vmLeases = createVmLeases({ libvirt, datastores, leases, log });
  const guests = new GuestWatch({ libvirt, reader, hub, intervalMs: config.guestIntervalS * 1000, log });
  const definer = createVmDefiner({
    libvirt,
    reader,
    datastores,
    volumes,
    switches,
    seeds,
    media,
    vmLeases,
    traits,
    log,
  });
  const power = createVmPowerControl({
    libvirt,
    reader,
    hub,
    onNoCpuTuning: () => {
      hasCpuTuning = false;
    },
    log,
  });
  const leaseWatch = createLeaseWatch({
    leases,
    holders: leaseHolders,
    end: (vmUuid) => power.stopByForce(vmUuid),
    clock: systemClock,
    log,
  });
  const stranded = new Map<string, string[]>();
  const devices = createVmDevices({
    libvirt,
    reader,
    definer,
    traits,
    releaseMs: config.deviceReleaseS * 1000,
    log,
  });
  const owner = createDiskOwner({
    libvirt,
    reader,
    moveDisks: (vmUuid, files) => snapshots.moveDisks(vmUuid, files),
  });
  const overlays = createOverlayService({
    datastores,
    hostUuid,
    usersOf: (path) => reader.usersOfFile(path),
    owner,
    hub,
    log,
  });
  const upkeep = createVolumeUpkeep({
    datastores,
    usersOf: (path) => reader.usersOfFile(path),
    owner,
    hub,
    log,
  });
  const snapshots = createVmSnapshots({ libvirt, reader, definer, datastores, overlays, log });
  const metrics = createMetrics({ listVms: () => reader.list() });
  const screens = parts.use(
    createScreens({
      reader,
      hub,
      address: () => config.vncAddress ?? identity.get().address,
      ports: { first: config.vncPortFirst, last: config.vncPortLast },
      libvirtDirectory: config.libvirtDirectory,
      clock: systemClock,
      onDecided: metrics.countScreen,
      log,
    }),
  );
  const vms = createVmService({
    libvirt,
    reader,
    definer,
    power,
    devices,
    snapshots,
    vmLeases,
    guests,
    screens,
    seeds,
    media,
    browsers,
    log,
  });
  const stats = createStatsService({ libvirt, switches, stateDir });
  parts.use(new CpuBalance({ libvirt, reader, hub, traits, log }));

  const { openConsole, ...vmCalls } = vms;
  const api: AgentApi = {
    ...vmCalls,
    openVncGate: (input) => screens.openGate(input),
    getHost: () => node.host.report(),
    getStats: () => stats.report(),

    listDatastores: async () => ({
      datastores: await Promise.all((await datastores.list()).map(withLease)),
    }),
    async ensureDatastore(spec) {
      const isNew = !datastores.specs().some(({ datastoreId }) => datastoreId === spec.datastoreId);
      const seen = await datastores.ensure(spec);
      if (isNew) await volumes.tidy();
      await joinLockspace(seen);
      return await withLease(seen);
    },
    async removeDatastore({ datastoreId, eraseMarker }) {
      const leased = leasedOf(datastoreId, (await datastores.find(datastoreId))?.markerId ?? null);
      await datastores.remove(datastoreId, eraseMarker ?? false);
      if (leased !== undefined) await leases.leave(leased);
      return {};
    },
    listImages: async ({ datastoreId }) => ({ images: await volumes.images(datastoreId) }),
    listVolumes: async ({ datastoreId }) => ({ volumes: await volumes.list(datastoreId) }),
    getVolume: ({ datastoreId, volumeUuid }) => volumes.get(datastoreId, volumeUuid),
    async getLease({ datastoreId, volumeUuid }) {
      const datastore = await datastores.open(datastoreId);
      if (!(await leases.isLeased(datastore))) return { owner: null };
      return { owner: await leases.ownerOf(datastore, volumeUuid) };
    },
    ensureVolume: (spec, context) => volumes.ensure(spec, context),
    growVolume: (input, context) =>
      guard.run(input, context.signal, (signal) => upkeep.grow(input, { ...context, signal })),
    async wipeVolume(input, context) {
      await guard.run(input, context.signal, async (signal) => {
        await volumes.requireUnused(input.datastoreId, input.volumeUuid);
        await upkeep.wipe(input, { ...context, signal });
      });
      return {};
    },
    async removeVolume({ datastoreId, volumeUuid }, { signal }) {
      await guard.run({ datastoreId, volumeUuid }, signal, () => volumes.remove(datastoreId, volumeUuid));
      return {};
    },

    ensureOverlay: (input, context) => overlays.ensure(input, context),
    async removeOverlay(input, { signal }) {
      await guard.run(input, signal, () => overlays.remove(input));
      return {};
    },
    mergeOverlay: (input, context) =>
      guard.run(input, context.signal, (signal) => overlays.merge(input, { ...context, signal })),
    async removeMemory(input) {
      await overlays.removeMemory(input);
      return {};
    },

    listIsos: async ({ datastoreId }) => ({ isos: await listIsos(await datastores.open(datastoreId)) }),
    async removeIso({ datastoreId, name }) {
      await removeIso(await datastores.open(datastoreId), name, (path) => reader.usersOfFile(path));
      return {};
    },
    ensureIsoUpload: async ({ datastoreId, uploadId, sizeBytes }) => ({
      receivedBytes: await isoUploads.ensure(datastoreId, uploadId, sizeBytes),
    }),
    writeIsoUpload: async ({ datastoreId, uploadId, offset, data }) => ({
      receivedBytes: await isoUploads.write(datastoreId, uploadId, Number(offset), data),
    }),
    finishIsoUpload: async ({ datastoreId, uploadId, ...file }) => ({
      sha256: await isoUploads.finish(datastoreId, uploadId, file),
    }),
    async removeIsoUpload({ datastoreId, uploadId }) {
      await isoUploads.remove(datastoreId, uploadId);
      return {};
    },

    listSwitches: async () => ({ switches: await switches.list() }),
    ensureSwitch: (spec) => switches.ensure(spec),
    async removeSwitch({ switchId }) {
      await switches.remove(switchId);
      return {};
    },

    beginRotation: () => identity.begin(),
    finishRotation: (input) => identity.finish(input),
  };

  parts.use(await followLibvirt({ libvirt, reader, hub, guests, log }));
  await lookAround();
  const timer = setInterval(() => void lookAtDatastores(), DATASTORE_LOOK_MS);
  parts.defer(() => clearInterval(timer));
  guests.begin();
  parts.use(guests);

  /** Also takes places in lockspaces again that were lost with the host's power or its sanlock. */
  async function lookAtDatastores(): Promise<void> {
    try {
      for (const look of await datastores.list()) await joinLockspace(look);
    } catch (error) {
      log.warn({ err: error }, "could not look at the datastores");
    }
  }

  async function joinLockspace(look: DatastoreLook): Promise<void> {
    const leased = leasedOf(look.datastoreId, look.markerId);
    if (leased === undefined || look.state === "lost") return;
    try {
      stranded.set(look.datastoreId, await leaseWatch.look(leased));
    } catch (error) {
      // Without libvirt it is not known whether VMs run on lost leases; the next look asks again.
      log.warn({ datastoreId: look.datastoreId, err: error }, "could not look after leases");
    }
  }

  function leasedOf(datastoreId: string, markerId: string | null): LeasedDatastore | undefined {
    const spec = datastores.specs().find((one) => one.datastoreId === datastoreId);
    return spec?.lease === undefined || markerId === null ? undefined : { ...spec, markerId };
  }

  async function withLease(look: DatastoreLook): Promise<DatastoreObservation> {
    const leased = leasedOf(look.datastoreId, look.markerId);
    if (leased === undefined) return { ...look, lease: null };
    const lease = await leases.observe(leased);
    const names = stranded.get(look.datastoreId) ?? [];
    if (lease === null || names.length === 0 || lease.state === "joined") return { ...look, lease };
    const reason = `These VMs lost their leases with the host's sanlock and are ended soon: ${names.join(", ")}.`;
    return { ...look, lease: { ...lease, state: "off", reason } };
  }

  /** At start: what was there before us is taken as it is; only half-made files of our own are removed. */
  async function lookAround(): Promise<void> {
    await libvirt.ready(LIBVIRT_MS_MAX).catch((error: unknown) => {
      log.warn({ err: error }, "serving without libvirtd until it answers");
    });
    await datastores
      .load(() => reader.datastoresOfVms())
      .catch((error: unknown) => {
        log.warn({ err: error }, "there is no list of datastores, and VMs cannot be asked yet");
      });
    void lookAtDatastores();
    volumes.tidy().catch((error: unknown) => log.warn({ err: error }, "could not tidy the datastores"));
  }

  const owned = parts.move();
  return {
    api: metrics.measured(api),
    events: {
      hello: () => ({ hostUuid, bootId: node.bootId, agentStartedAt: startedAt }),
      subscribe: (listener) => hub.subscribe(listener),
    },
    openConsole,
    openScreen: screens.openScreen,
    openMedia: browsers.attach,
    metrics,
    identity: () => identity.get(),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** "7.2.22" out of "QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg-7)". */
async function readQemuVersion(architecture: ReturnType<typeof hostArchitecture>): Promise<string> {
  const { stdout } = await runProgram(emulatorOf(architecture), ["--version"], { timeoutMs: 10_000 });
  return /version (\S+)/.exec(stdout)?.[1] ?? "unknown";
}

/** In /run, since nothing of it outlives a boot; a name of its own, since tests run several agents on one machine. */
function ownMediaDir(stateDir: string): string {
  return `/run/sinter-media-${createHash("sha256").update(stateDir).digest("hex").slice(0, 12)}`;
}

async function readAgentVersion(): Promise<string> {
  const text = await readFile(new URL("../package.json", import.meta.url), "utf8");
  return (JSON.parse(text) as { version: string }).version; // our own file
}
