import {
  type DomainXml,
  element,
  findMetadata,
  formatXml,
  metadataElement,
  type XmlElement,
} from "@sinter/libvirt";
import type { DatastoreSpec } from "@sinter/southbound";
import type { CpuClaim } from "./cpu-weights.ts";

/**
 * What the agent must know of a VM beyond libvirt's own fields, kept inside the domain itself: the node has no
 * database (CNA-05), and an agent that was installed anew reads everything back from here.
 *
 *     <sinter:vm xmlns:sinter="https://sinter.dev/xmlns/domain/1" vm="UUID" id="i-0000002A" generation="3" manager="…">
 *       <sinter:cpu shares="1000" reservation="0" limit="0"/>
 *       <sinter:datastore id="1" path="/srv/one" shared="yes"/>
 *       <sinter:disk target="vda" volume="UUID" datastore="1"/>
 *       <sinter:nic mac="…" nic="UUID" switch="1"/>
 *     </sinter:vm>
 */
export const METADATA_NAMESPACE = "https://sinter.dev/xmlns/domain/1";
export const METADATA_PREFIX = "sinter";

export interface VmMetadata {
  readonly vmUuid: string;
  readonly vmId: string;
  readonly generation: number;
  /** Fingerprint of the authority that this host belonged to when the VM was defined; for people. */
  readonly managerId: string;
  /** What the VM may claim of the host's CPU time; absent in what an older agent wrote. */
  readonly cpu?: CpuClaim | undefined;
  readonly datastores: readonly DatastoreSpec[];
  readonly disks: readonly {
    readonly target: string;
    readonly volumeUuid: string;
    readonly datastoreId: string;
  }[];
  readonly nics: readonly { readonly mac: string; readonly nicUuid: string; readonly switchId: string }[];
}

export function buildMetadata(metadata: VmMetadata): XmlElement {
  const child = (name: string, attributes: Record<string, string>): XmlElement =>
    element(`${METADATA_PREFIX}:${name}`, attributes);
  return metadataElement(
    METADATA_NAMESPACE,
    METADATA_PREFIX,
    "vm",
    {
      vm: metadata.vmUuid,
      id: metadata.vmId,
      generation: String(metadata.generation),
      manager: metadata.managerId,
    },
    ...(metadata.cpu ? [child("cpu", cpuAttributes(metadata.cpu))] : []),
    ...metadata.datastores.map(({ datastoreId, path, shared }) =>
      child("datastore", { id: datastoreId, path, shared: shared ? "yes" : "no" }),
    ),
    ...metadata.disks.map(({ target, volumeUuid, datastoreId }) =>
      child("disk", { target, volume: volumeUuid, datastore: datastoreId }),
    ),
    ...metadata.nics.map(({ mac, nicUuid, switchId }) =>
      child("nic", { mac, nic: nicUuid, switch: switchId }),
    ),
  );
}

/** For domainSetMetadata, which declares the namespace itself. */
export function metadataText(metadata: VmMetadata): string {
  const { name, attributes, children } = buildMetadata(metadata);
  const { [`xmlns:${METADATA_PREFIX}`]: _declared, ...own } = attributes;
  // libvirt puts the prefix before each element's name and the namespace into the root.
  const bare = (one: XmlElement): XmlElement => ({
    ...one,
    name: one.name.slice(METADATA_PREFIX.length + 1),
    children: one.children.map((node) => (typeof node === "string" ? node : bare(node))),
  });
  return formatXml(bare({ name, attributes: own, children }));
}

/** Undefined for a domain that Sinter did not define, and for metadata that somebody broke. */
export function readMetadata(domain: Pick<DomainXml, "metadata">): VmMetadata | undefined {
  const root = findMetadata(domain, METADATA_NAMESPACE);
  const { vm, id, generation, manager } = root?.attributes ?? {};
  if (root === undefined || vm === undefined || id === undefined || !/^\d+$/.test(generation ?? ""))
    return undefined;
  const children = (kind: string): Readonly<Record<string, string>>[] =>
    root.children.flatMap((node) =>
      typeof node !== "string" && node.name.split(":").at(-1) === kind ? [node.attributes] : [],
    );
  return {
    vmUuid: vm,
    vmId: id,
    generation: Number(generation),
    managerId: manager ?? "",
    cpu: readCpu(children("cpu")[0]),
    datastores: children("datastore").map((one) => ({
      datastoreId: one["id"] ?? "",
      path: one["path"] ?? "",
      shared: one["shared"] === "yes",
    })),
    disks: children("disk").map((one) => ({
      target: one["target"] ?? "",
      volumeUuid: one["volume"] ?? "",
      datastoreId: one["datastore"] ?? "",
    })),
    nics: children("nic").map((one) => ({
      mac: one["mac"] ?? "",
      nicUuid: one["nic"] ?? "",
      switchId: one["switch"] ?? "",
    })),
  };
}

function cpuAttributes({ shares, reservationMhz, limitMhz }: CpuClaim): Record<string, string> {
  return { shares: String(shares), reservation: String(reservationMhz), limit: String(limitMhz) };
}

function readCpu(attributes: Readonly<Record<string, string>> | undefined): CpuClaim | undefined {
  const [shares, reservationMhz, limitMhz] = ["shares", "reservation", "limit"].map((name) =>
    Number(attributes?.[name]),
  );
  if (shares === undefined || reservationMhz === undefined || limitMhz === undefined) return undefined;
  return [shares, reservationMhz, limitMhz].every((value) => Number.isFinite(value) && value >= 0) &&
    shares > 0
    ? { shares, reservationMhz, limitMhz }
    : undefined;
}
