import type {
  CloneVmRequest,
  CreatedAnswer,
  CreateVmRequest,
  ModifyVmRequest,
  NicRequest,
  OsVersionList,
  TaskAnswer,
  VmList,
  VmStatistics,
  VmLeases,
  WireVm,
} from "@sinter/northbound";
import type { Static } from "typebox";
import type { Api } from "../api.ts";
import { iteratePages, type Page, type PageQuery } from "../pages.ts";
import { pathOf, type Reference } from "../references.ts";

export type VmQuery = PageQuery & {
  /** Substring, in any case; so are ip, mac, vmId, description and group. */
  readonly name?: string;
  readonly ip?: string;
  readonly mac?: string;
  readonly vmId?: string;
  readonly description?: string;
  readonly group?: string;
  /** URN of a cluster, host, datastore, volume, switch, port group or site. */
  readonly scope?: string;
  readonly status?: string;
  readonly uuid?: string;
  readonly externalUuid?: string;
  /** Templates only, VMs only, or (absent) both. */
  readonly isTemplate?: boolean;
  /** 0 identity, 1 (default) what a table shows, 2 everything. */
  readonly detail?: 0 | 1 | 2;
  readonly orderField?: "name" | "status";
  readonly order?: "ASC" | "DESC";
  /** At most 50, and no other filter. */
  readonly vmurns?: readonly string[];
};

export type PowerMode = "safe" | "force";

export interface RemoveVmOptions {
  /** Default: its disks are deleted with it. */
  readonly keepDisks?: boolean;
}

export interface AttachVolumeOptions {
  readonly pciType?: "VIRTIO" | "SCSI" | "IDE";
  /** Default: the first free slot of the bus. */
  readonly sequenceNum?: number;
}

/** Leave to open one console, once and soon. */
export interface ConsoleTicket {
  readonly url: string;
  /** On the port where it was asked for. */
  readonly path: string;
  readonly ticket: string;
  /** Of this session only; empty for a serial line. */
  readonly password: string;
  readonly expiresInS: number;
}

/** VMs and templates, and everything done to one. Every change goes on as a task; see `tasks.wait`. */
export function createVms(api: Api) {
  const list = async (query: VmQuery = {}): Promise<Page<WireVm>> => {
    const answer = await api.get<Static<typeof VmList>>(await api.inSite("vms"), query);
    return { total: answer.total, items: answer.vms };
  };
  const act = (vm: Reference, action: string, body?: unknown) =>
    api.post<TaskAnswer>(`${pathOf(vm)}/action/${action}`, body);

  return {
    list,
    iterate: (query: Omit<VmQuery, keyof PageQuery> = {}) =>
      iteratePages(
        (page) => list({ ...query, ...page }),
        (vm) => vm.urn,
      ),
    get: (vm: Reference) => api.get<WireVm>(pathOf(vm)),
    /** Which host may write each of its disks on shared datastores; asked of the hosts. */
    leases: (vm: Reference) => api.get<VmLeases>(`/sinter/v1/vms/${pathOf(vm).split("/").at(-1)}/leases`),
    create: async (request: CreateVmRequest) => api.post<TaskAnswer>(await api.inSite("vms"), request),
    modify: (vm: Reference, change: ModifyVmRequest) => api.put<TaskAnswer>(pathOf(vm), change),
    remove: (vm: Reference, options: RemoveVmOptions = {}) =>
      api.remove<TaskAnswer>(pathOf(vm), {
        isReserveDisks: options.keepDisks ? 1 : 0,
      }),
    clone: (vm: Reference, request: CloneVmRequest) => act(vm, "clone", request),

    /** Also wakes a hibernated VM. */
    start: (vm: Reference) => act(vm, "start"),
    stop: (vm: Reference, mode: PowerMode = "safe") => act(vm, "stop", { mode }),
    reboot: (vm: Reference, mode: PowerMode = "safe") => act(vm, "reboot", { mode }),
    pause: (vm: Reference) => act(vm, "pause"),
    resume: (vm: Reference) => act(vm, "resume"),
    hibernate: (vm: Reference) => act(vm, "hibernate"),

    attachVolume: (vm: Reference, volumeUrn: string, options: AttachVolumeOptions = {}) =>
      act(vm, "attachvol", { volUrn: volumeUrn, ...options }),
    detachVolume: (vm: Reference, volumeUrn: string) => act(vm, "detachvol", { volUrn: volumeUrn }),
    attachNic: (vm: Reference, nic: NicRequest) =>
      api.post<TaskAnswer & CreatedAnswer>(`${pathOf(vm)}/virtualNics`, nic),
    detachNic: (vm: Reference, index: number) => api.remove<TaskAnswer>(`${pathOf(vm)}/virtualNics/${index}`),
    /** A new random VNC password. */
    resetVncPassword: (vm: Reference) => api.post<object>(`${pathOf(vm)}/action/resetvnc`),

    openConsole: (vm: Reference, kind: "vnc" | "serial" = "vnc") =>
      api.post<ConsoleTicket>(`${pathOf(vm)}/action/console`, { kind }),
    /** Puts an ISO image of a datastore's library into the CD drive. */
    attachCd: (vm: Reference, iso: { readonly datastoreId: string; readonly name: string }) =>
      act(vm, "attachCdrom", { protocol: "file", devicePath: `${iso.datastoreId}@${iso.name}` }),
    detachCd: (vm: Reference) => act(vm, "detachCdrom"),
    /** Puts a file of the caller's machine into the CD drive: its reads are answered over the WebSocket at `path`. */
    attachBrowserCd: (vm: Reference, file: { readonly name: string; readonly sizeBytes: number }) =>
      api.post<TaskAnswer & { readonly path: string }>(`${pathOf(vm)}/action/attachBrowserCdrom`, file),

    statistics: async (scope?: string) =>
      api.get<Static<typeof VmStatistics>>(await api.inSite("vms", "statistics"), { scope }),
    osVersions: async () => api.get<Static<typeof OsVersionList>>(await api.inSite("vms", "osversions")),
  };
}
